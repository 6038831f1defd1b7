"""The HTTP server of one service: uvicorn, on a connection that can be closed without an answer."""

import asyncio
import logging
import socket

import uvicorn
from asgiref.typing import ASGI3Application
from uvicorn.protocols.http.h11_impl import H11Protocol

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
# What a request in progress gets before a stop cuts it off, latency of a fault included.
STOP_SECONDS = 1


class DroppableConnection(H11Protocol):
    """A connection whose application may close it: `scope["state"]["drop"]()`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Put this connection's own way to close itself into the state of its requests."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "drop": transport.close}


class Server(uvicorn.Server):
    """A server that says, in one line, that it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so."""
        await super().startup(sockets)
        logger.info("ready on http://%s:%d", HOST, self.config.port)


def run(app: ASGI3Application, port: int) -> None:
    """Serve `app` until SIGTERM or SIGINT; exits with status 3 if the port is taken."""
    config = uvicorn.Config(
        app,
        host=HOST,
        port=port,
        http=DroppableConnection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    Server(config).run()
