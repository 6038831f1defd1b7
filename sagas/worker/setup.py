"""What makes workers of Celery's run sagas."""

from celery import Celery

from sagas.listeners import listen
from sagas.registry import Registry
from sagas.worker import checks  # noqa: F401  (registers the system checks)
from sagas.worker.children import ChildWatch
from sagas.worker.fast.message_batching import WaitTogether
from sagas.worker.fast.task_events import EventBuffer
from sagas.worker.garbage import DropGarbage
from sagas.worker.hints import send_hints
from sagas.worker.limits import HardLimits
from sagas.worker.names import consume_engine_queue
from sagas.worker.pools import PoolCheck
from sagas.worker.steps import register_tasks
from sagas.worker.wake_loop import WakeLoop


def install(app: Celery, registry: Registry) -> None:
    """A task for each step and compensation, hints after each commit, and what a worker needs."""
    register_tasks(registry)
    consume_engine_queue()
    listen(send_hints)
    app.steps["worker"].update((PoolCheck, WakeLoop, ChildWatch, HardLimits))
    app.steps["consumer"].update((DropGarbage, EventBuffer, WaitTogether))
