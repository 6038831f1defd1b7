"""`ws/v1/orders/{saga_id}/?after=N`: an order's progress, and its conversation after message N.

Identity, heartbeat, limits and close codes are those of every socket (docs/realtime.md)."""

import asyncio
import json
from typing import Any

from pydantic import ValidationError

from realtime import conversations, frames
from realtime.conversations import MessageRefused, NotAssigned
from realtime.order_progress import progress_of
from realtime.rooms import WRITING, Room, Visitor, rooms
from sagas.errors import NoSuchExecution
from sagas.live import close_codes, metrics
from sagas.live.close_codes import Closed
from sagas.live.messages import Message
from sagas.live.socket import Socket
from sagas.live.sockets import position
from sagas.live.threads import in_thread

PAUSE = 0.25
"""Seconds between two frames of progress: what an eye can follow."""


class OrderSocket(Socket):
    """One page of one person."""

    async def connect(self) -> None:
        self._entered: asyncio.Future[Visitor] = asyncio.get_running_loop().create_future()
        await super().connect()

    async def serve(self) -> None:
        after = position(self.scope["query_string"].decode("latin1"))
        if after is None:
            raise Closed(close_codes.BAD_REQUEST, "after: use a whole number, 0 or more.")
        self._saga_id: str = self.scope["url_route"]["kwargs"]["saga_id"]
        place = await self._ask(conversations.enter, self._saga_id, self.seat.user)
        hidden = Closed(close_codes.FORBIDDEN, "You may no longer see this order.")
        self.seat.ids[place.execution_id] = lambda: self.end(hidden)
        with rooms().visited(place, self.end) as (room, visitor):
            self._entered.set_result(visitor)
            self.tasks.create_task(self._tell_progress(visitor))
            self.tasks.create_task(self._tell_messages(visitor, after))
            self.tasks.create_task(self._tell_people(room, visitor))
            await asyncio.Event().wait()  # to the end of the socket, which cancels it

    async def handle(self, frame: str | bytes | None) -> None:
        """Answers what it can't take with an `error`, and stays."""
        visitor = await self._entered
        try:
            if frame is None or len(frame) > frames.LONGEST:
                raise MessageRefused("Your message is too long: send several.")
            command = frames.COMMAND.validate_json(frame)
        except (ValidationError, MessageRefused) as error:
            metrics.FRAMES.labels("refused").inc()
            return await self._tell(
                frames.error(close_codes.BAD_REQUEST, _in_words(error), _id_of(frame))
            )
        metrics.FRAMES.labels("taken").inc()
        if isinstance(command, frames.Writing):
            return rooms().writes(visitor, WRITING)
        return await self._say(visitor, command)

    async def _say(self, visitor: Visitor, command: frames.Say) -> None:
        await self.renew()
        what = (self._saga_id, self.seat.user, command.id, command.text)
        try:
            written = await self._ask(conversations.say, *what)
        except MessageRefused as why:
            await self._tell(frames.error(close_codes.TOO_MANY, str(why), str(command.id)))
        else:
            rooms().writes(visitor, 0)
            rooms().said(visitor.place.conversation_id)
            await self._tell(frames.said(written))

    async def _tell_progress(self, visitor: Visitor) -> None:
        told: dict[str, Any] = {}
        place = visitor.place
        with self.hub.topics.followed(place.execution_id, place.last_seq) as (topic, moved):
            while not told.get("is_over"):
                moved.clear()
                found = await self._ask(progress_of, self._saga_id, self.seat.user)
                if found != told:
                    await self._tell(frames.progress(found))
                    told = found
                if topic.is_unreadable:
                    raise Closed(
                        close_codes.SERVER_ERROR, "The database is unavailable: connect again."
                    )
                await asyncio.sleep(PAUSE)
                await moved.wait()

    async def _tell_messages(self, visitor: Visitor, after: int) -> None:
        place = visitor.place
        while True:
            visitor.moved.clear()
            while page := await in_thread(conversations.messages_after)(
                place.conversation_id, after
            ):
                for each in page:
                    await self._tell(frames.message(each, place.user_key))
                    after = each.number
            await visitor.moved.wait()

    async def _tell_people(self, room: Room, visitor: Visitor) -> None:
        told: list[dict[str, Any]] = []
        while True:
            visitor.changed.clear()
            if (found := room.people()) != told:
                told = found
                await self._tell(frames.people(_as_seen_by(visitor, found)))
            is_writing = any(each["is_writing"] for each in found)
            try:
                # Who has stopped writing says nothing: it is over with the time.
                async with asyncio.timeout(1.0 if is_writing else None):
                    await visitor.changed.wait()
            except TimeoutError:
                continue

    async def _ask(self, function: Any, *arguments: Any) -> Any:
        """What the database says. Raises `Closed` if this is not, or no longer, for this person."""
        try:
            return await in_thread(function)(*arguments)
        except NoSuchExecution:
            reason = "There is no such order that you may see."
            raise Closed(close_codes.NOT_FOUND, reason) from None
        except NotAssigned:
            reason = "You are not on this order: join it on its page."
            raise Closed(close_codes.FORBIDDEN, reason) from None

    async def _tell(self, frame: dict[str, Any]) -> None:
        await self.say(Message(json.dumps(frame, separators=(",", ":"))))


def _as_seen_by(visitor: Visitor, people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the keys of accounts, which are nobody else's business."""
    return [
        {
            "name": each["name"],
            "role": each["role"],
            "is_writing": each["is_writing"],
            "is_me": each["key"] == visitor.place.user_key,
        }
        for each in people
    ]


def _in_words(error: ValidationError | MessageRefused) -> str:
    """What is wrong with a frame, and where, and nothing of what it said."""
    if isinstance(error, MessageRefused):
        return str(error)
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'frame'}: {found['msg']}"[:300]


def _id_of(frame: str | bytes | None) -> str | None:
    """The id of a message that was refused, so that its sender can show it; if it has one."""
    try:
        found = json.loads(frame) if frame is not None and len(frame) <= frames.LONGEST else None
    except (ValueError, RecursionError):
        return None
    about = found.get("id") if isinstance(found, dict) else None
    return about[:64] if isinstance(about, str) else None
