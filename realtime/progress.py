"""`ws/v1/sagas/{saga_id}/?after=N`: every event of a saga once, in order, from N + 1 on.

Events always come from the database, after the number that was sent last, so neither a
lost push nor a doubled one makes a gap or a repeat. A slow look at the database makes good for
pushes that were lost altogether, and for a channel layer that is away.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from realtime.subscribers import subscribers
from sagas import queries
from sagas.errors import NoSuchExecution
from sagas.models import SagaEvent

logger = logging.getLogger(__name__)

LOOK_INTERVAL: Final = 2.0
"""Seconds to a look at the database without a push: how late an event is whose push was lost.
Each look is two queries by key."""

NORMAL, SERVER_ERROR = 1000, 1011
BAD_REQUEST, NOT_AUTHENTICATED, NOT_FOUND = 4400, 4401, 4404
"""Close codes (RFC 6455 7.4.1); the private ones are HTTP's, plus 4000."""


# Not the one thread that sockets share by default: a slow read of one would hold up all others.
_in_thread = partial(database_sync_to_async, thread_sensitive=False)


class SagaProgress(AsyncJsonWebsocketConsumer):
    """One subscriber of one saga. It only listens: whatever the client sends is ignored."""

    # No channel of its own: Channels makes it before the handshake, which then fails or waits with
    # the layer. `subscribers` has one for the whole process.
    channel_layer_alias = ""

    _follower: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # Accepted first: a browser shows its page no close code before that.
        await self.accept()
        after = _after(self.scope)
        if not self.scope["user"].is_authenticated:
            await self.close(NOT_AUTHENTICATED, "Send a token, or log in.")
            return
        if after is None:
            await self.close(BAD_REQUEST, "after: use a whole number, 0 or more.")
            return
        saga_id = self.scope["url_route"]["kwargs"]["saga_id"]
        try:
            found = await _in_thread(queries.execution)(saga_id, self.scope["user"])
        except NoSuchExecution:
            await self.close(NOT_FOUND, "There is no such saga that you may see.")
            return
        self._follower = asyncio.create_task(self._follow(found.pk, found.saga_id, after))

    async def disconnect(self, code: int) -> None:
        if self._follower is not None:
            self._follower.cancel()

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Nothing that a client sends means anything here."""

    async def _follow(self, execution_id: int, saga_id: str, after: int) -> None:
        """Sends the events to the end of the saga, or of the socket."""
        try:
            with subscribers().subscribed(execution_id) as moved:
                async for event in _events(execution_id, after, moved):
                    await self.send_json({"saga_id": saga_id, **queries.describe_event(event)})
            await self.close(NORMAL, "The saga has ended.")
        except OSError:
            return  # the subscriber is gone (ASGI 2.4: what `send` raises then)
        except Exception:
            # A socket that stays open and silent looks like a saga that stands still.
            logger.exception("The events of %s could not be sent; its subscriber resumes.", saga_id)
            await self.close(SERVER_ERROR, "Connect again with after=<the last seq>.")


async def _events(execution_id: int, after: int, moved: asyncio.Event) -> AsyncIterator[SagaEvent]:
    """Every event above `after`, once and in order, as they come; ends with the saga."""
    read, is_all = _in_thread(queries.events_after), _in_thread(queries.is_all)
    while True:
        moved.clear()
        page = await read(execution_id, after)
        for event in page:
            yield event
            after = event.seq
        if page:
            continue  # there may be another
        if await is_all(execution_id, after):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_INTERVAL):
                await moved.wait()


class NoSuchSocket(AsyncJsonWebsocketConsumer):
    """What answers at any other path."""

    channel_layer_alias = ""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND, "Sockets are at ws/v1/sagas/{saga_id}/.")


def _after(scope: Any) -> int | None:
    """The number after which the client wants events; None if it is no number."""
    values = parse_qs(scope["query_string"].decode("latin1")).get("after", ["0"])
    text = values[-1]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
