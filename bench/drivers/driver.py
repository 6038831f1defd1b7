"""What every driver can do, and how it is asked: a JSON object to a line, in and out.

    → {"call": "batch", "count": 200}
    ← {"result": 1.93}                 or {"error": "TimeoutError: …"}

Times are seconds, taken by the driver itself, so that the way to it counts for nobody.
"""

import json
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

STEPS: Final = 5
"""Steps of a sequence, each of which does nothing."""

LOOK: Final = 0.0005
"""Seconds between two looks whether one sequence has ended: a tenth of the shortest latency, and
little beside a look itself."""

LOOK_AT_MANY: Final = 0.02
"""Seconds between two looks whether all have ended: their cost must not be seen in the rate."""

PATIENCE: Final = 120.0
"""Seconds for anything to end. What takes longer has got stuck."""


class Driver(ABC):
    """Starts sequences of a system, and sees them end as its users would see it."""

    @abstractmethod
    def start(self, count: int, **what: Any) -> None:
        """Starts so many; returns when the system has taken them. `what` is a driver's own."""

    @abstractmethod
    def wait(self) -> None:
        """Until all that were started have ended, and nothing is left to be done for them."""

    @abstractmethod
    def one(self) -> None:
        """Starts one, and waits until it has ended."""

    def has_sequences(self) -> bool:
        """Whether one step waits for the one before it, so that there is a latency to measure."""
        return True

    def has_bulk(self) -> bool:
        """Whether `start` starts many by one call; one by one, then, if `singly` is given."""
        return False

    def batch(self, count: int, **what: Any) -> float:
        """From the first start to the last end."""
        began = time.perf_counter()
        self.start(count, **what)
        self.wait()
        return time.perf_counter() - began

    def single(self, count: int) -> list[float]:
        """The latency of each of so many, one after the other."""
        return [timed(self.one) for _ in range(count)]

    def loaded(self, rate: float, seconds: float) -> list[float]:
        """The same for so long, while a thread starts others at an even rate."""
        ending = threading.Event()
        others = threading.Thread(target=self._start_evenly, args=(rate, ending))
        others.start()
        try:
            deadline = time.monotonic() + seconds
            latencies = []
            while time.monotonic() < deadline:
                latencies.append(timed(self.one))
        finally:
            ending.set()
            others.join()
        self.wait()
        return latencies

    def _start_evenly(self, rate: float, ending: threading.Event) -> None:
        began, number = time.monotonic(), 0
        while not ending.wait(max(0.0, began + number / rate - time.monotonic())):
            self.start(1)
            number += 1


def timed(call: Callable[[], object]) -> float:
    """How long it took."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def until(done: Callable[[], Any], look: float, patience: float = PATIENCE) -> None:
    """Returns when `done()`; TimeoutError after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done within {patience:g} s")
        time.sleep(look)


def serve(make: Callable[[], Driver]) -> None:
    """Answers until the end of the input. Whatever else is printed goes to the log."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    driver = make()
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        try:
            answer = {"result": getattr(driver, request.pop("call"))(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)
