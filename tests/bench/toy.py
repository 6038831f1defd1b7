"""A driver without a system: `python -m tests.bench.toy`."""

import os
import threading
from typing import Any

from bench.drivers.driver import Driver, serve


class Toy(Driver):
    def start(self, count: int, **what: Any) -> None:
        print("what a library prints")
        if what.get("die"):
            os._exit(3)
        if count < 0:
            raise ValueError("less than none")

    def wait(self) -> None:
        """Nothing is left."""

    def one(self) -> None:
        """Has ended as it began."""

    def hang(self) -> None:
        """For longer than anybody waits."""
        threading.Event().wait()


if __name__ == "__main__":
    serve(Toy)
