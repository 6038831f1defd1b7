"""Which of Celery's pools can run sagas."""

from typing import Any

from celery import bootsteps
from django.core.exceptions import ImproperlyConfigured


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
                f"prefork` (the default), or `--pool threads` for steps that only wait; gevent and "
                f"eventlet are for workers of other code (docs/operating.md)."
            )
