"""What the streams of one process share."""

import asyncio
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from sagas.live.connection_limits import ConnectionLimits
from sagas.live.event_feed import EventFeed
from sagas.live.listener import Listener
from sagas.live.lists import Lists


class Hub:
    """Of one event loop."""

    def __init__(self) -> None:
        self.topics = EventFeed()
        self.lists = Lists()
        self.seats = ConnectionLimits()
        self._listener = Listener(self._on_push, self._on_joined)

    def _on_push(self, execution_ids: Sequence[int]) -> None:
        for execution_id in execution_ids:
            self.topics.mark(execution_id)
        self.lists.on_push()

    def _on_joined(self) -> None:
        self.topics.mark_all()
        self.lists.on_push()


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """That of the running event loop; made, and listening, at the first call."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Hub()
    return _of_loop[loop]
