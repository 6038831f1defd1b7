"""The CPU that processes have used, with all that they started, the dead among them, too."""

import contextlib
from collections.abc import Iterable

import psutil


def used(roots: Iterable[int]) -> float:
    """Seconds, user and system, of these processes and of everything below them.

    The kernel adds a child's time to its parent's account when the child is reaped. So the sum over
    the living loses nothing of those that have ended between two calls, as long as the roots live.
    """
    total = 0.0
    for process in _families(roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _families(roots: Iterable[int]) -> set[psutil.Process]:
    """Each of them once, though one root may stand below another."""
    found: set[psutil.Process] = set()
    for root in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(root)
            found |= {process, *process.children(recursive=True)}
    return found
