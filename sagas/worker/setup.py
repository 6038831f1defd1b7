"""What makes workers of Celery's run sagas."""

from typing import Any, Final

from celery import Celery, bootsteps
from celery.signals import worker_process_shutdown
from django.core.exceptions import ImproperlyConfigured

from sagas import engine
from sagas.listeners import listen
from sagas.registry import Registry
from sagas.worker import checks  # noqa: F401  (registers the system checks)
from sagas.worker.fast.message_batching import WaitTogether
from sagas.worker.fast.task_events import EventBuffer
from sagas.worker.garbage import DropGarbage
from sagas.worker.hints import send_hints
from sagas.worker.limits import HardLimits
from sagas.worker.names import consume_engine_queue
from sagas.worker.steps import register_tasks
from sagas.worker.wake_loop import WakeLoop

LOOK_INTERVAL: Final = 0.5
"""Seconds between two looks at the children of a worker. Each is one waitpid to a child."""


def install(app: Celery, registry: Registry) -> None:
    """A task for each step and compensation, hints after each commit, and what a worker needs."""
    register_tasks(registry)
    consume_engine_queue()
    listen(send_hints)
    worker_process_shutdown.connect(_close_event_loops)
    app.steps["worker"].update((PoolCheck, WakeLoop, ChildWatch, HardLimits))
    app.steps["consumer"].update((DropGarbage, EventBuffer, WaitTogether))


def _close_event_loops(**_: Any) -> None:
    """At the end of a child, which leaves Python without its `atexit`."""
    engine.close_event_loops()


class PoolCheck(bootsteps.StartStopStep):
    """Refuses to start a worker with greenlets, which would end no saga.

    They share one thread of the system. There Django refuses its ORM while an event loop runs, and
    a worker has one, for its pushes; and a claim belongs to a process or a thread, whose session
    no other greenlet may use.
    """

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        if getattr(parent.pool_cls, "is_green", False):
            raise ImproperlyConfigured(
                f"Sagas can't run in the pool {parent.pool_cls.__module__}: its greenlets share "
                f"one thread, in which Django refuses its ORM. Start this worker with `--pool "
                "prefork` (the default), or `--pool threads` for steps that only wait; use gevent "
                "and eventlet only in workers for other code (docs/workers.md)."
            )


class ChildWatch(bootsteps.StartStopStep):
    """Looks for dead children more often than Celery does: what follows from a death must not wait
    (see `sagas.worker.lost`).

    Celery looks when a child's pipe closes, and once in five seconds. The kernel closes the pipe
    just before the child counts as dead, so the first look often comes too soon.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def register_with_event_loop(self, parent: Any, hub: Any) -> None:
        """Called by Celery with each connection to the broker."""
        if self._timer is not None:
            self._timer.cancel()
        look = getattr(parent.pool, "maintain_pool", None)  # other pools have no children
        self._timer = None if look is None else hub.call_repeatedly(LOOK_INTERVAL, look)
