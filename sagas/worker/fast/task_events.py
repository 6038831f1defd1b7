"""Celery's events of tasks, which Flower shows: a quarter of a second's at a time.

By default a worker sends them with each turn of its loop: three messages for a task, which take its
main process as long as the task itself. And of the tasks that run on only the process knows that
runs them: it tells by a thread of its own.
"""

import logging
import os
import threading
import time
from collections import deque
from typing import Any, Final

from celery import bootsteps, current_app
from celery.signals import worker_process_shutdown

from sagas.worker.sending import LIMITS

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.25
"""Seconds between two messages of events: what Flower is late by."""

MOST: Final = 1000
"""Events to a message; with more they are not kept so long. Some hundred kilobytes."""

MOST_WAITING: Final = 10_000
"""Events that a process keeps for a broker that is away. Of more the oldest are dropped: they are
for looking at."""


class EventBuffer(bootsteps.StartStopStep):
    """For pools whose main process has an event loop; elsewhere Celery sends each by itself."""

    requires = ("celery.worker.consumer.events:Events",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """With each connection to the broker; each has a dispatcher of its own."""
        dispatcher = parent.event_dispatcher
        if parent.hub is not None and dispatcher.buffer_group:
            dispatcher.buffer_limit, dispatcher.on_send_buffered = MOST, None
            self._timer = parent.hub.call_repeatedly(INTERVAL, dispatcher.flush)

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            parent.event_dispatcher.flush()  # what fails is kept for the next connection


class TaskEventSender:
    """The thread of a process that runs tasks, and what it has yet to tell of those that ran on."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, str, dict[str, Any]]] = deque(maxlen=MOST_WAITING)
        self._something_waits = threading.Event()
        self._telling = threading.Lock()
        self._dispatchers: dict[str, Any] = {}
        threading.Thread(target=self._run, name="saga-task-events", daemon=True).start()

    def add(self, hostname: str, kind: str, fields: dict[str, Any]) -> None:
        self._waiting.append((hostname, kind, fields))
        self._something_waits.set()

    def tell(self) -> None:
        """Tells what waits. Never raises."""
        with self._telling:
            try:
                while self._waiting:
                    hostname, kind, fields = self._waiting.popleft()
                    self._dispatcher(hostname).send(kind, **fields)
                for dispatcher in self._dispatchers.values():
                    dispatcher.flush()
            except Exception as error:
                logger.warning("Flower misses some tasks that ran on: %r", error)
                for dispatcher in self._dispatchers.values():
                    dispatcher.connection.close()
                self._dispatchers.clear()

    def _run(self) -> None:
        while True:
            self._something_waits.wait()
            time.sleep(INTERVAL)
            self._something_waits.clear()
            self.tell()

    def _dispatcher(self, hostname: str) -> Any:
        if hostname not in self._dispatchers:
            self._dispatchers[hostname] = current_app.events.Dispatcher(
                current_app.connection_for_write(**LIMITS),
                hostname=hostname,
                buffer_group=["task"],
                buffer_limit=MOST,
                buffer_while_offline=False,
            )
        return self._dispatchers[hostname]


_teller: TaskEventSender | None = None
_lock = threading.Lock()


def tell(hostname: str, kind: str, fields: dict[str, Any]) -> None:
    """Tells of a task, as in `tell("w1@host", "task-started", {"uuid": …})`. Returns at once."""
    global _teller
    if _teller is None:
        with _lock:
            _teller = _teller or TaskEventSender()
    _teller.add(hostname, kind, {**fields, "timestamp": time.time()})


def are_wanted(worker: Any) -> bool:
    """Whether a worker tells of its tasks: by its settings, `-E`, or `celery control`."""
    dispatcher = getattr(getattr(worker, "consumer", None), "event_dispatcher", None)
    if dispatcher is None or not dispatcher.enabled:
        return False
    return not dispatcher.groups or "task" in dispatcher.groups


@worker_process_shutdown.connect
def _tell_the_last(**_: object) -> None:
    if _teller is not None:
        _teller.tell()


def _begin_anew() -> None:
    """In a new child: its parent's thread is not there, and whoever held its lock neither."""
    global _teller, _lock
    _teller, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)
