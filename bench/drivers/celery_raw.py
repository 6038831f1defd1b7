"""Raw Celery: as many empty tasks as a sequence has steps, none of which waits for another."""

import os
from typing import Any

from bench.drivers.driver import LOOK_AT_MANY, STEPS, Driver, serve, until
from bench.drivers.raw_tasks import ENDED, nothing


class CeleryRaw(Driver):
    def __init__(self) -> None:
        self._started = 0

    def start(self, count: int, **what: Any) -> None:
        for _ in range(count * STEPS):
            nothing.delay()
        self._started += count * STEPS

    def wait(self) -> None:
        until(lambda: os.stat(ENDED).st_size >= self._started, LOOK_AT_MANY)

    def has_sequences(self) -> bool:
        return False

    def one(self) -> None:
        """Nothing makes a sequence of them."""
        raise NotImplementedError


if __name__ == "__main__":
    serve(CeleryRaw)
