"""From committed transitions to the channel layer: "these executions are at event N".

The push carries no payload. A subscriber reads the events from the database, so a push that is
lost, doubled or overtaken changes nothing but the delay.

Channel layers are asyncio, and most transitions are committed in threads without a loop. Opening
one for each push would open a connection each time (channels_redis#332), so each process has one
thread that keeps a loop, made at the first push, which is after any fork.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from typing import Any, Final

from sagas.listeners import Committed
from sagas.live.layer import channel_layer

logger = logging.getLogger(__name__)

GROUP: Final = "sagas"
"""The one channel group: every web process is in it, once (`sagas.live.listener`)."""

SEND_LIMIT: Final = 5.0
"""Seconds for one push. A channel layer that hangs must not keep every later push."""

PAUSES: Final = (0.01, 0.05)
"""Seconds between two pushes of a process: the first for each execution that the last one told of,
up to the second. The first push goes at once, and what comes meanwhile goes together. So where one
saga moves, none is late by more than the first; where many do, a commit costs next to nothing."""

MOST: Final = 1000
"""Executions to a push: some ten kilobytes, also after a start of thousands."""


class Pusher:
    """The thread and its loop. Pushes of one execution that wait are merged into the newest.

    A layer that takes none is told of once, and once more when it takes them again.
    """

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._is_failing = False
        self._lock = threading.Lock()
        self._waiting: dict[int, int] = {}
        self._is_awake = False
        self._loop = asyncio.new_event_loop()
        self._something_waits = asyncio.Event()
        threading.Thread(target=self._run, name="saga-pusher", daemon=True).start()

    def push(self, committed: Sequence[Committed]) -> None:
        """Returns at once; from any thread."""
        with self._lock:
            for each in committed:
                seq = self._waiting.get(each.execution_id, 0)
                self._waiting[each.execution_id] = max(seq, each.last_seq)
            sleeps, self._is_awake = not self._is_awake, True
        if sleeps:  # to wake it costs more than all the rest here
            self._loop.call_soon_threadsafe(self._something_waits.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        while True:
            await self._something_waits.wait()
            while waiting := self._take():
                moved = list(waiting.items())
                for first in range(0, len(moved), MOST):
                    await self._send(moved[first : first + MOST])
                await asyncio.sleep(min(PAUSES[0] * len(moved), PAUSES[1]))

    def _take(self) -> dict[int, int]:
        """What waits; if nothing does, the thread may sleep until somebody wakes it."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            if not waiting:
                self._is_awake = False
                self._something_waits.clear()
            return waiting

    async def _send(self, moved: Sequence[tuple[int, int]]) -> None:
        (execution_id, seq), *others = moved
        message: dict[str, Any] = {"type": "saga.moved", "execution_id": execution_id, "seq": seq}
        if others:
            # Beside the first, which is all that a process with older code reads of it.
            message["others"] = [pk for pk, _ in others]
        try:
            async with asyncio.timeout(SEND_LIMIT):
                await self._layer.group_send(GROUP, message)
        except Exception as error:
            if not self._is_failing:
                logger.warning(
                    "The channel layer accepts no pushes: from execution %s on, streams get news "
                    "only by checking the database (%r).",
                    execution_id,
                    error,
                )
            self._is_failing = True
        else:
            if self._is_failing:
                logger.warning("The channel layer accepts pushes again.")
            self._is_failing = False


class PusherUnavailable:
    """For a process without a channel layer."""

    def push(self, committed: Sequence[Committed]) -> None:
        """Does nothing."""


_pusher: Pusher | PusherUnavailable | None = None
_lock = threading.Lock()


def push(committed: Sequence[Committed]) -> None:
    """Tells the executions' subscribers; called after the commit."""
    global _pusher
    if _pusher is None:
        with _lock:
            if _pusher is None:
                layer = channel_layer()
                _pusher = PusherUnavailable() if layer is None else Pusher(layer)
    _pusher.push(committed)


def _begin_anew() -> None:
    """In a new child: its parent's thread is not there, and whoever held its lock neither."""
    global _pusher, _lock
    _pusher, _lock = None, threading.Lock()


# A worker forks for each child that died, and its wake loop may be pushing at that very moment.
os.register_at_fork(after_in_child=_begin_anew)
