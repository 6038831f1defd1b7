"""Who looks at which order now, in all web processes; and who is told that there is something new.

Messages are rows: what goes through the channel layer says only that there is another, and a look
at the database every other second makes good for what was lost. Who is there, and who is writing,
is nowhere but here: each process tells the others of its own people whenever they change, and every
few seconds in any case, and forgets what it has not heard for a while. So a process that dies takes
its people with it.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from realtime import conversations
from realtime.conversations import Place
from realtime.models import Role
from sagas.live import close_codes
from sagas.live.close_codes import Closed
from sagas.live.layer import channel_layer
from sagas.live.listener import listen_to_group
from sagas.live.threads import in_thread

logger = logging.getLogger(__name__)

GROUP: Final = "orders"
"""The channel group of all web processes."""

SEND_LIMIT: Final = 2.0
"""Seconds for the channel layer to take something. What it does not take is late, or forgotten."""

LOOK_INTERVAL: Final = 2.0
"""Seconds between two looks at the database: how late a message is whose push was lost, and how
long somebody still reads who was taken off an order. Two statements for all orders of a process."""

TELL_INTERVAL: Final = 4.0
FORGET_AFTER: Final = 10.0
"""Seconds between two words of a process about its people, and without one until they are gone:
two words may get lost."""

WRITING: Final = 4.0
"""Seconds for which somebody is writing, after they last said so."""


@dataclass(eq=False)
class Visitor:
    """One open page. `moved` is set when there may be messages, `changed` when people may have."""

    place: Place
    end: Callable[[Closed], None]
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    writes_until: float = 0.0


@dataclass
class Room:
    """One order: its visitors here, and the people of other processes."""

    visitors: set[Visitor] = field(default_factory=set)
    last_number: int = 0
    elsewhere: dict[str, tuple[float, list[dict[str, Any]]]] = field(default_factory=dict)

    def own(self) -> list[dict[str, Any]]:
        """The people who have a page here, each once."""
        now = time.monotonic()
        return _merged(
            {
                "key": each.place.user_key,
                "name": each.place.name,
                "role": each.place.role.value,
                "is_writing": each.writes_until > now,
            }
            for each in self.visitors
        )

    def people(self) -> list[dict[str, Any]]:
        """Those of all processes, sorted by name."""
        since = time.monotonic() - FORGET_AFTER
        heard = [people for at, people in self.elsewhere.values() if at > since]
        return _merged(each for some in (self.own(), *heard) for each in some)

    def tell_people(self) -> None:
        for visitor in self.visitors:
            visitor.changed.set()

    def tell_messages(self) -> None:
        for visitor in self.visitors:
            visitor.moved.set()


class Rooms:
    """Those of one process."""

    def __init__(self) -> None:
        self._rooms: dict[int, Room] = {}
        self._name = secrets.token_hex(8)
        self._layer = channel_layer()
        loop = asyncio.get_running_loop()
        self._tasks = {loop.create_task(self._look_for_ever())}
        self._tasks.add(loop.create_task(self._tell_for_ever()))
        if self._layer is not None:
            self._tasks.add(
                loop.create_task(listen_to_group(self._layer, GROUP, self._hear, self._ask))
            )

    @contextmanager
    def visited(
        self, place: Place, end: Callable[[Closed], None]
    ) -> Iterator[tuple[Room, Visitor]]:
        """A page, for as long as the block lasts."""
        pk = place.conversation_id
        room = self._rooms.setdefault(pk, Room())
        visitor = Visitor(place, end)
        room.visitors.add(visitor)
        self._people_changed(pk, asks=True)
        try:
            yield room, visitor
        finally:
            room.visitors.discard(visitor)
            self._people_changed(pk)
            if not room.visitors:
                self._rooms.pop(pk, None)

    def said(self, conversation_id: int) -> None:
        """There is another message."""
        if conversation_id in self._rooms:
            self._rooms[conversation_id].tell_messages()
        self._send({"type": "order.said", "conversation": conversation_id})

    def writes(self, visitor: Visitor, seconds: float) -> None:
        """Somebody is writing, for so long; 0 if no more."""
        visitor.writes_until = time.monotonic() + seconds
        self._people_changed(visitor.place.conversation_id)

    def _people_changed(self, pk: int, *, asks: bool = False) -> None:
        room = self._rooms.get(pk)
        if room is None:  # whoever was writing has left
            return
        room.tell_people()
        told = {"type": "order.here", "conversation": pk, "process": self._name, "asks": asks}
        self._send({**told, "people": room.own()})

    def _send(self, message: dict[str, Any]) -> None:
        if self._layer is not None:
            task = asyncio.get_running_loop().create_task(self._send_soon(message))
            self._tasks.add(task)  # a loop alone does not keep its tasks alive
            task.add_done_callback(self._tasks.discard)

    async def _send_soon(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SEND_LIMIT):
                await self._layer.group_send(GROUP, message)  # type: ignore[union-attr]
        except Exception as error:
            logger.info("Other processes are not told at once: %r", error)

    def _hear(self, message: dict[str, Any]) -> None:
        pk = message["conversation"]
        room = self._rooms.get(pk)
        if room is None or message.get("process") == self._name:
            return
        if message["type"] == "order.said":
            room.tell_messages()
            return
        room.elsewhere[message["process"]] = time.monotonic(), message["people"]
        room.tell_people()
        if message["asks"]:
            self._people_changed(pk)

    def _ask(self, channel: str) -> None:
        """What was said before this process joined the group was not heard."""
        for pk, room in self._rooms.items():
            room.tell_messages()
            self._people_changed(pk, asks=True)

    async def _tell_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TELL_INTERVAL)
            for pk in list(self._rooms):
                self._people_changed(pk)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            if not self._rooms:
                continue
            try:
                found = await in_thread(conversations.news)(list(self._rooms))
            except Exception:
                logger.warning("News on orders could not be read.", exc_info=True)
                continue
            for pk, room in list(self._rooms.items()):
                number, staff = found.get(pk, (0, set()))
                if number > room.last_number:
                    room.last_number = number
                    room.tell_messages()
                _end_those_off(room, staff)


def _end_those_off(room: Room, staff: set[str]) -> None:
    for visitor in list(room.visitors):
        if visitor.place.role is Role.STAFF and visitor.place.user_key not in staff:
            visitor.end(Closed(close_codes.FORBIDDEN, "You are no longer on this order."))


def _merged(people: Any) -> list[dict[str, Any]]:
    """Each person once: somebody may have several pages open."""
    found: dict[str, dict[str, Any]] = {}
    for each in people:
        there = found.setdefault(each["key"], each)
        if each["is_writing"] and not there["is_writing"]:
            found[each["key"]] = each
    return sorted(found.values(), key=lambda each: (each["name"], each["key"]))


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Rooms] = WeakKeyDictionary()


def rooms() -> Rooms:
    """Those of the running event loop; made, and listening, at the first call."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Rooms()
    return _of_loop[loop]
