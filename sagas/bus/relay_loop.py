"""The relay as a thread of each Celery worker, beside the wake loop. No process of its own (L3)."""

from threading import Event, Thread
from typing import Any, Final

from celery import bootsteps

from sagas.bus import Bus, relay

STOP_LIMIT: Final = 5.0
"""Seconds that a stopping worker waits for a batch that is under way. One that takes longer is
published again by whoever is active next."""


class RelayLoop(bootsteps.StartStopStep):
    """Starts after the pool, so that the first children are forked before the thread is there."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self, parent: Any) -> None:
        bus = Bus.from_settings()
        if bus is not None:
            self._thread = Thread(
                target=relay.run, args=(bus, self._stopping), name="saga-relay", daemon=True
            )
            self._thread.start()

    def stop(self, parent: Any) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_LIMIT)

    terminate = stop
