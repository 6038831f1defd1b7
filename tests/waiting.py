"""Wait for what other threads, processes and servers do, for a bounded time."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

LIMIT_SECONDS: Final = 120.0
"""Far more than anything here takes, on a machine with other work, too."""

PAUSE_SECONDS: Final = 0.02


def wait_until(condition: Callable[[], Any], what: str = "it") -> Any:
    """What `condition()` returns once that is true; fails if it isn't within LIMIT_SECONDS."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {LIMIT_SECONDS:.0f} s"
        time.sleep(PAUSE_SECONDS)
    return found


def number_in(path: Path) -> int:
    """The number that another process writes into a file, once it is there."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"), f"a number in {path}")
    return int(path.read_text())


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
