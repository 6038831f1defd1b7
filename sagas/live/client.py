"""A client of the live streams for programs: asyncio, and nothing of Django.

async with SagaStream("http://127.0.0.1:8000", token) as stream:
    async for event in stream.follow("order-7"):
        print(event["seq"], event["type"])
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

SHORTEST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 10.0
"""Seconds between two tries to connect: doubled from the first to the second, and drawn at random
below that, so that the clients of a server that restarts don't all come at once."""

QUIET_LIMIT: Final = 50.0
"""Seconds of silence after which a line is taken for dead: three heartbeats of the server, and some
more."""

AGAIN: Final = frozenset({4408, 4429})
"""Close codes of the server after which another try makes sense, with all below 4000."""

ENDED: Final = 1000


class SubscriptionRefused(Exception):
    """The server says that another try would not help: its close code, and its reason."""

    def __init__(self, saga_id: str, code: int, reason: str) -> None:
        super().__init__(f"The stream of {saga_id} was closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class OutOfOrder(Exception):
    """The server left an event out, or sent one twice: a bug of it."""


class SagaStream:
    """One user's streams at one server; `base_url` is `http://…` or `https://…`."""

    def __init__(self, base_url: str, token: str) -> None:
        self._url = base_url.rstrip("/").replace("http", "ws", 1)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing is left open: each `follow` closes its own connection."""

    async def follow(self, saga_id: str, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Each event of the saga above `after` once, in order, to its end, over however many
        connections. Raises `SubscriptionRefused` and `OutOfOrder`."""
        async for message in self.messages(saga_id, after):
            if "seq" in message:
                yield message

    async def messages(self, saga_id: str, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """The same with all else that the server sends: a snapshot after each connect, and
        `ended` at the end."""
        failures = 0
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with self._connected(saga_id, after) as socket:
                    async for message in _messages(socket):
                        failures = 0
                        after = _next(saga_id, after, message)
                        yield message
                if socket.close_code == ENDED:
                    return
                self._check(saga_id, socket)
            await asyncio.sleep(_wait(failures))
            failures += 1

    def _connected(self, saga_id: str, after: int) -> connect:
        url = f"{self._url}/ws/v1/sagas/{saga_id}/?after={after}"
        # No proxy: what the environment names is for the world outside. No limit to a message: an
        # event may carry what a step returned.
        return connect(url, additional_headers=self._headers, proxy=None, max_size=None)

    def _check(self, saga_id: str, socket: ClientConnection) -> None:
        code = socket.close_code or 0
        if code >= 4000 and code not in AGAIN:
            raise SubscriptionRefused(saga_id, code, socket.close_reason or "")


async def _messages(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    """To the end of this one connection. Raises TimeoutError when it is silent for too long."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            async with asyncio.timeout(QUIET_LIMIT):
                frame = await socket.recv()
            yield json.loads(frame)


def _next(saga_id: str, after: int, message: dict[str, Any]) -> int:
    """The number after which the next event is due."""
    if "seq" not in message:
        return after
    if message["seq"] != after + 1:
        raise OutOfOrder(f"{saga_id}: event {message['seq']} came after {after}.")
    return after + 1


def _wait(failures: int) -> float:
    """Seconds, with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015)."""
    most = min(LONGEST_WAIT, SHORTEST_WAIT * 2.0 ** min(failures, 10))
    return SHORTEST_WAIT / 2 + random.uniform(0, most)  # noqa: S311  (no secret)
