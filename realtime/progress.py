"""`ws/v1/sagas/{saga_id}/?after=N`: every event of a saga once, in order, from N + 1 on.

First join the group, then read the database: what is committed in between is found by one or the
other. Events always come from the database, after the number that was sent last, so neither a
lost push nor a doubled one makes a gap or a repeat. A slow look at the database makes good for
pushes that were lost altogether.
"""

import asyncio
import contextlib
import logging
from typing import Any, Final
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from realtime.push import group_of
from sagas import queries
from sagas.errors import NoSuchExecution

logger = logging.getLogger(__name__)

LOOK_INTERVAL: Final = 5.0
"""Seconds to a look at the database without a push: how late an event is whose push was lost."""

NORMAL, SERVER_ERROR = 1000, 1011
BAD_REQUEST, NOT_AUTHENTICATED, NOT_FOUND = 4400, 4401, 4404
"""Close codes (RFC 6455 7.4.1); the private ones are HTTP's, plus 4000."""


class SagaProgress(AsyncJsonWebsocketConsumer):
    """One subscriber of one saga. It only listens: whatever the client sends is ignored."""

    _follower: asyncio.Task[None] | None = None
    _group: str | None = None

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
            found = await database_sync_to_async(queries.execution)(saga_id, self.scope["user"])
        except NoSuchExecution as error:
            await self.close(NOT_FOUND, str(error)[:100])  # a reason has 123 bytes at most
            return
        self._moved = asyncio.Event()
        self._group = group_of(found.pk)
        await self.channel_layer.group_add(self._group, self.channel_name)
        self._follower = asyncio.create_task(self._follow(found.pk, found.saga_id, after))

    async def disconnect(self, code: int) -> None:
        if self._follower is not None:
            self._follower.cancel()
        if self._group is not None:
            await self.channel_layer.group_discard(self._group, self.channel_name)

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Nothing that a client sends means anything here."""

    async def saga_moved(self, message: dict[str, Any]) -> None:
        """A push: there is something to read."""
        self._moved.set()

    async def _follow(self, execution_id: int, saga_id: str, after: int) -> None:
        try:
            await self._send_events(execution_id, saga_id, after)
        except Exception:
            # A socket that stays open and silent looks like a saga that stands still.
            logger.exception("The events of %s could not be sent; its subscriber resumes.", saga_id)
            await self.close(SERVER_ERROR, "Connect again with after=<the last seq>.")

    async def _send_events(self, execution_id: int, saga_id: str, after: int) -> None:
        read = database_sync_to_async(queries.events_after)
        has_ended = database_sync_to_async(queries.has_ended)
        while True:
            self._moved.clear()
            page = await read(execution_id, after)
            for event in page:
                await self.send_json({"saga_id": saga_id, **queries.describe_event(event)})
                after = event.seq
            if page and not queries.is_terminal(page[-1].status):
                continue  # there may be another page
            if page or await has_ended(execution_id):
                await self.close(NORMAL, "The saga has ended.")
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_INTERVAL):
                    await self._moved.wait()


class NoSuchSocket(AsyncJsonWebsocketConsumer):
    """What answers at any other path."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND, "Sockets are at ws/v1/sagas/{saga_id}/.")


def _after(scope: Any) -> int | None:
    """The number after which the client wants events; None if it is no number."""
    values = parse_qs(scope["query_string"].decode("latin1")).get("after", ["0"])
    text = values[-1]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
