"""celery-saga: sagas of five empty steps, each with a compensation. In the peers' environment."""

from typing import Any

from celery_saga import Saga

from bench.drivers.celery_saga_tasks import nothing, undo
from bench.drivers.driver import LOOK, LOOK_AT_MANY, STEPS, Driver, serve, until


class CelerySaga(Driver):
    def __init__(self) -> None:
        self._saga = Saga("five")
        for _ in range(STEPS):
            self._saga.add_step(nothing, compensate=undo)
        self._started: list[Any] = []

    def start(self, count: int, **what: Any) -> None:
        self._started += [self._saga.run() for _ in range(count)]

    def wait(self) -> None:
        """The newest first: then most of the others have ended, too."""
        started, self._started = self._started, []
        for each in reversed(started):
            until(lambda each=each: each.is_complete, LOOK_AT_MANY)  # type: ignore[misc]

    def one(self) -> None:
        started = self._saga.run()
        until(lambda: started.is_complete, LOOK)


if __name__ == "__main__":
    serve(CelerySaga)
