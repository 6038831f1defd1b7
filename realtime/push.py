"""From a committed transition to the channel layer: "this execution is at event N".

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
from typing import Final

from channels.layers import get_channel_layer

from sagas.listeners import Committed

logger = logging.getLogger(__name__)

GROUP: Final = "sagas"
"""The one channel group: every web process is in it, once (`realtime.listener`)."""

SEND_LIMIT: Final = 5.0
"""Seconds for one push. A channel layer that hangs must not keep every later push."""


class Pusher:
    """The thread and its loop. Pushes of one execution that wait are merged into the newest."""

    def __init__(self) -> None:
        self._waiting: dict[int, int] = {}
        self._loop = asyncio.new_event_loop()
        self._something_waits = asyncio.Event()
        threading.Thread(target=self._run, name="saga-pusher", daemon=True).start()

    def push(self, execution_id: int, seq: int) -> None:
        """Returns at once; from any thread."""
        self._loop.call_soon_threadsafe(self._note, execution_id, seq)

    def _note(self, execution_id: int, seq: int) -> None:
        self._waiting[execution_id] = max(seq, self._waiting.get(execution_id, 0))
        self._something_waits.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        layer = get_channel_layer()
        while True:
            await self._something_waits.wait()
            self._something_waits.clear()
            waiting, self._waiting = self._waiting, {}
            for execution_id, seq in waiting.items():
                message = {"type": "saga.moved", "execution_id": execution_id, "seq": seq}
                try:
                    async with asyncio.timeout(SEND_LIMIT):
                        await layer.group_send(GROUP, message)
                except Exception as error:
                    logger.warning(
                        "Subscribers of execution %s learn of event %s later: the channel layer "
                        "took no push (%r).",
                        execution_id,
                        seq,
                        error,
                    )


_pusher: Pusher | None = None
_lock = threading.Lock()


def push(committed: Committed) -> None:
    """Tells the execution's subscribers; called after the commit."""
    global _pusher
    if _pusher is None:
        with _lock:
            _pusher = _pusher or Pusher()
    _pusher.push(committed.execution_id, committed.last_seq)


def _begin_anew() -> None:
    """In a new child: its parent's thread is not there, and whoever held its lock neither."""
    global _pusher, _lock
    _pusher, _lock = None, threading.Lock()


# A worker forks for each child that died, and its wake loop may be pushing at that very moment.
os.register_at_fork(after_in_child=_begin_anew)
