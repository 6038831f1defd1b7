"""A child that died is noticed soon: what follows from it must not wait (see
`sagas.worker.lost`)."""

from typing import Any, Final

from celery import bootsteps

INTERVAL: Final = 0.5
"""Seconds between two looks. Each is one waitpid to a child."""


class ChildWatch(bootsteps.StartStopStep):
    """Looks for dead children more often than Celery does.

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
        self._timer = None if look is None else hub.call_repeatedly(INTERVAL, look)
