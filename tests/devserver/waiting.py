"""Wait for what other processes do, for a bounded time."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

LIMIT_SECONDS = 120.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once `condition()` holds; fail if it doesn't in LIMIT_SECONDS."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"still not true after {LIMIT_SECONDS} s"
        time.sleep(0.02)


def number_in(path: Path) -> int:
    """The number that another process writes into a file, once it is there."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
