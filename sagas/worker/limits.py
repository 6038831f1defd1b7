"""The time limits of a step, kept by the process that runs it.

Celery's own are not used. They count from a message, which may lead to several steps; and they are
kept by the worker's event loop, which stands still while it has no broker: afterwards it would end
processes for what they did long ago. For a process in which no Python runs any more, a thread of
the main process looks at what each is at now.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from billiard.process import current_process
from celery import bootsteps
from celery.exceptions import SoftTimeLimitExceeded

from sagas import engine
from sagas.engine import SoftLimit
from sagas.worker.attempts import overdue

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.5
"""Seconds between two looks at processes that may hang. One that hangs at two of them is ended: at
its limit it ends by its own alarm if it can, and when a whole worker was stopped, and goes on, it
must be able to say so (R5). Two are much less than what a lease is longer than the limit."""

LEAST: Final = 0.001
"""Seconds: with 0 a timer is stopped."""

TIME_TO_END: Final = 0.5
"""Seconds that an action has at least once it was asked to end, however late that was: when a whole
worker was stopped, and goes on, its attempts are reported as late, and not as lost (R5)."""

TIME_TO_ANSWER: Final = 0.5
"""Seconds that an event loop has to answer at the limit of its action."""


@contextmanager
def limited(soft: timedelta, hard: timedelta) -> Iterator[SoftLimit]:
    """Within the block: `SoftTimeLimitExceeded` after `soft`, and the end of the process, by the
    kernel, `hard - soft` later. Only where Celery keeps limits, too: in the children of a prefork
    pool. An async action is cancelled in every pool, by the limit that this yields.

    The alarm of a process is one. Whoever has set it before the block gets it back afterwards.
    """
    began = time.monotonic()
    limit = SoftLimit(began + soft.total_seconds(), SoftTimeLimitExceeded)
    if not _is_child_of_a_pool():
        yield limit
        return
    before = _alarm.set(began + hard.total_seconds())
    left, _ = signal.setitimer(signal.ITIMER_REAL, max(LEAST, soft.total_seconds()))

    def give_back() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _alarm.unset(before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(LEAST, began + left - time.monotonic()))

    try:
        yield limit
    finally:
        try:
            give_back()
        except SoftTimeLimitExceeded:  # in this very moment; it strikes once
            give_back()
            raise


class _Alarm:
    """The handler of this process's alarm. It stays from one step to the next, as long as nobody
    else has one: to change it takes Python longer than all the rest of a limit."""

    hard_ends_at: float | None = None
    """By the monotonic clock; None if no step is limited."""
    is_put_off = False
    """Whether it rang at a running event loop, which cancels an async action itself."""

    def set(self, hard_ends_at: float) -> Any:
        """The handler that has to stand there again after the step; None if that is this one."""
        self.hard_ends_at, self.is_put_off = hard_ends_at, False
        before = signal.getsignal(signal.SIGALRM)
        if before is _ring:
            return None
        signal.signal(signal.SIGALRM, _ring)
        return None if before is signal.SIG_DFL else before

    def unset(self, before: Any) -> None:
        self.hard_ends_at = None
        if before is not None:
            signal.signal(signal.SIGALRM, before)


_alarm: Final = _Alarm()


def _ring(*_: object) -> None:
    """Raises `SoftTimeLimitExceeded` in a step, with what is left of its hard limit to go; outside
    of one it does what an alarm does that nobody handles.

    An event loop is given time to cancel its action: an error would strike the loop itself. One
    that does not even answer is kept by code that does not await, and that is where it strikes.
    """
    if _alarm.hard_ends_at is not None and not _alarm.is_put_off and engine.ask_event_loop():
        _alarm.is_put_off = True
        signal.setitimer(signal.ITIMER_REAL, TIME_TO_ANSWER)
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if _alarm.hard_ends_at is None:
        signal.raise_signal(signal.SIGALRM)
        return
    left = _alarm.hard_ends_at - time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, max(TIME_TO_END, left))
    if not (_alarm.is_put_off and engine.event_loop_has_answered()):
        raise SoftTimeLimitExceeded


class HardLimits(bootsteps.StartStopStep):
    """Ends the children that hang in their action. Runs to the very end of the worker: an action
    may hang while it stops."""

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:
        threading.Thread(target=self._run, name="saga-hard-limits", daemon=True).start()

    def _run(self) -> None:
        before: set[tuple[int, int]] = set()
        while True:
            time.sleep(INTERVAL)
            found = overdue()
            for pid, _ in found & before:
                if _is_own_child(pid):
                    logger.error("Process %s hangs beyond its hard time limit: killed.", pid)
                    os.kill(pid, signal.SIGKILL)
            before = found


def _is_own_child(pid: int) -> bool:
    """Whether it runs, and no other has its number by now. Nobody's `waitpid` misses anything."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def _is_child_of_a_pool() -> bool:
    """Signals are for the main thread, and a hard limit must not end a worker's main process."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and hasattr(current_process(), "index")
