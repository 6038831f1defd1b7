"""The wake loop: a thread of each worker's main process. Any number at once is correct (L3).

It looks for executions whose `wake_at` has come: a hint that was lost, a backoff that is over, a
lease that ended. Whatever happened to the broker or to other workers, each saga moves on (L2).
Between two looks it reports the claims of this worker's children that died.
"""

import logging
import time
from threading import Event, Thread
from typing import Any, Final

from celery import bootsteps
from django.db import connection

from sagas import engine
from sagas.registry import registry
from sagas.worker import results
from sagas.worker.fast import batch, inline
from sagas.worker.fast.task_events import are_wanted
from sagas.worker.garbage import dropped
from sagas.worker.lost import report_noted, wake_reporter
from sagas.worker.queues import QueueWatch, tell_unconsumed

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.5
"""Seconds between two looks. It is what a retry may be late by; each look is one indexed query."""

BATCH: Final = 400
"""Executions to a look; a full batch is followed by the next at once."""

AFTER_ERROR: Final = 5.0
"""Seconds to the next look when the database does not answer."""

STRANDED_INTERVAL: Final = 60.0
"""Seconds between two looks for executions that no worker seems to have the definition of (S12)."""

CLEANING_INTERVAL: Final = 3600.0
"""Seconds between two deletions of the engine's expired results, which Celery leaves to a scheduler
process that does not run here, and deletes together with everybody else's."""

STOP_LIMIT: Final = 5.0
"""Seconds that a stopping worker waits for a look that is under way."""


class WakeLoop(bootsteps.StartStopStep):
    """Starts after the pool, so that the first children are forked before the thread is there."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._worker = parent
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self, parent: Any) -> None:
        batch.stopping(is_so=False)
        self._thread = Thread(target=self._run, name="saga-wake-loop", daemon=True)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        self._stopping.set()
        batch.stopping(is_so=True)
        wake_reporter()
        if self._thread is not None:
            self._thread.join(STOP_LIMIT)

    terminate = stop

    def _run(self) -> None:
        next_stranded = time.monotonic() + STRANDED_INTERVAL
        next_cleaning = time.monotonic() + CLEANING_INTERVAL
        queues = QueueWatch(registry)
        pause = INTERVAL
        while not self._stopping.is_set():
            try:
                report_noted(pause)
                inline.telling(is_so=are_wanted(self._worker))
                if self._stopping.is_set():
                    break
                pause = 0.0 if engine.wake(BATCH, queues) == BATCH else INTERVAL
                if time.monotonic() >= next_stranded:
                    next_stranded = time.monotonic() + STRANDED_INTERVAL
                    _tell_stranded()
                    dropped.tell()
                    tell_unconsumed(registry, self._worker)
                if time.monotonic() >= next_cleaning:
                    is_all = results.delete_expired() < results.BATCH
                    next_cleaning = time.monotonic() + (CLEANING_INTERVAL if is_all else 0.0)
            except Exception:
                # The loop is what everything else relies on: it never ends by an error.
                logger.exception("The wake loop failed; trying again in %s s.", AFTER_ERROR)
                engine.end_session()
                pause = AFTER_ERROR
        connection.close()


def _tell_stranded() -> None:
    for each in engine.stranded():
        why = registry.why_unfit(each.example, each.saga_type, each.version, each.digest)
        logger.error("%s execution(s) are due, and left alone here. %s", each.count, why)
