"""The sockets of this process, and the one channel on which it hears of moves.

Each process joins the group of all pushes once and wakes its own subscribers. So a socket opens,
and closes, without a word to the channel layer, and a layer that is away is tried again by one
task and not by every socket.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from realtime.push import GROUP

logger = logging.getLogger(__name__)

LAYER_LIMIT: Final = 5.0
"""Seconds for the channel layer to let this process join."""

REJOIN_INTERVAL: Final = 2.0
"""Seconds between two tries to join. Until then subscribers live by their looks at the database."""


class Subscribers:
    """Of one event loop. Each subscriber is an event that a push of its execution sets."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, set[asyncio.Event]] = defaultdict(set)
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    @contextmanager
    def subscribed(self, execution_id: int) -> Iterator[asyncio.Event]:
        """An event that each push of that execution sets, for as long as the block lasts."""
        moved = asyncio.Event()
        self._waiting[execution_id].add(moved)
        try:
            yield moved
        finally:
            self._waiting[execution_id].discard(moved)
            if not self._waiting[execution_id]:
                del self._waiting[execution_id]

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                async with asyncio.timeout(LAYER_LIMIT):
                    channel = await layer.new_channel()
                    await layer.group_add(GROUP, channel)
                for moved in self._everybody():
                    moved.set()  # what was pushed before this moment was not heard
                while True:
                    message = await layer.receive(channel)
                    for moved in self._waiting.get(message["execution_id"], ()):
                        moved.set()
            except Exception as error:
                logger.warning("No pushes until the channel layer answers: %r", error)
                await asyncio.sleep(REJOIN_INTERVAL)

    def _everybody(self) -> list[asyncio.Event]:
        return [moved for events in self._waiting.values() for moved in events]


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Subscribers] = WeakKeyDictionary()


def subscribers() -> Subscribers:
    """Those of the running event loop; made, and listening, at the first call."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Subscribers()
    return _of_loop[loop]
