"""What a server gives no application: a limit for a send, and an end to a reader who stands still.

A server's `send` waits for as long as the other end does not read, and so would a close. The guard
gets `send` as the server made it, so that it can reach uvicorn's transport through it. On
another server the limit holds, and the connection ends when that server lets it.
"""

import asyncio
from typing import Any, Final

from django.core.handlers.asgi import get_script_prefix

from sagas.live.close_codes import SlowReader
from sagas.live.metrics import SLOW

SEND_LIMIT: Final = 5.0
"""Seconds for a reader to take anything, once the buffers of the server (64 KiB) and of the kernel
are full: megabytes behind, so not a slow line but one that stands still."""

ABORT: Final = "sagas.abort"
"""The key of the scope under which the guard puts a function that cuts the connection."""


class Backpressure:
    """Puts `sagas.abort` into a WebSocket's scope, and limits its sends and those of event
    streams: past the limit, `SlowReader`. A socket's path comes without a proxy's prefix."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] not in ("websocket", "http"):
            return await self._application(scope, receive, send)
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        abort = getattr(transport, "abort", _nothing)
        scope = {**scope, ABORT: abort}
        if scope["type"] == "http":
            return await self._application(scope, receive, _limited_stream(send, abort))
        return await self._application(without_prefix(scope), receive, _limited(send))


def without_prefix(scope: dict[str, Any]) -> dict[str, Any]:
    """A socket's scope with the path that Django would look up: without FORCE_SCRIPT_NAME or the
    server's `root_path`, whether the proxy has taken that away or not."""
    prefix = get_script_prefix(scope).rstrip("/")
    path = scope["path"]
    if path.startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    return {**scope, "path": path, "root_path": ""}


def _nothing() -> None:
    pass


def _limited(send: Any) -> Any:
    async def limited(message: Any) -> None:
        try:
            async with asyncio.timeout(SEND_LIMIT):
                await send(message)
        except TimeoutError:
            raise SlowReader("The other end takes nothing.") from None

    return limited


def _limited_stream(send: Any, abort: Any) -> Any:
    """For HTTP: other answers are short, and are left alone."""
    is_stream = False

    async def limited(message: Any) -> None:
        nonlocal is_stream
        if message["type"] == "http.response.start":
            is_stream = any(
                name.lower() == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in message["headers"]
            )
        if not is_stream:
            await send(message)
            return
        try:
            await _limited(send)(message)
        except SlowReader:
            SLOW.inc()
            # It has no other way to be told. The server now tells the view that nobody is there.
            abort()

    return limited
