"""The time limits of a step, kept by the process that runs it.

Celery counts from a message, in the worker's main process; but one message may lead to several
steps, each with limits of its own. What Celery knows is the longest of them: a net below this one,
for a process in which no Python runs any more.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from billiard.process import current_process
from celery.exceptions import SoftTimeLimitExceeded

LEAST: Final = 0.001
"""Seconds: with 0 a timer is stopped."""


@contextmanager
def limited(soft: timedelta, hard: timedelta) -> Iterator[None]:
    """Within the block: `SoftTimeLimitExceeded` after `soft`, and the end of the process, by the
    kernel, `hard - soft` later. Only where Celery keeps limits, too: in the children of a prefork
    pool.

    The alarm of a process is one. Whoever has set it before the block gets it back afterwards.
    """
    if not _is_child_of_a_pool():
        yield
        return
    began = time.monotonic()

    def end(*_: Any) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(
            signal.ITIMER_REAL, max(LEAST, began + hard.total_seconds() - time.monotonic())
        )
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, end)
    left, _ = signal.setitimer(signal.ITIMER_REAL, max(LEAST, soft.total_seconds()))

    def give_back() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(LEAST, began + left - time.monotonic()))

    try:
        yield
    finally:
        try:
            give_back()
        except SoftTimeLimitExceeded:  # in this very moment; it strikes once
            give_back()
            raise


@contextmanager
def without_those_of_celery() -> Iterator[None]:
    """Within the block Celery's soft limit does not strike: it would, amid a report. Its
    hard limit does, as long after it as ever."""
    if not _is_child_of_a_pool():
        yield
        return
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def _is_child_of_a_pool() -> bool:
    """Signals are for the main thread, and a hard limit must not end a worker's main process."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and hasattr(current_process(), "index")
