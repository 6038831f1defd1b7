"""A worker in the test's own process: it does what workers would, one thing after the other."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from django.db import connection

from sagas import engine, listeners
from sagas.listeners import Committed
from sagas.machine import Saga
from sagas.machine.parameters import Duration, as_timedelta
from sagas.registry import registry
from sagas.store.sessions import is_of_test_case
from sagas.testing.clock import Clock, around_statements
from sagas.worker.steps import perform

MOST_MESSAGES: Final = 5000
"""Messages after which a test fails: its sagas would go on for ever."""

AT_ONCE: Final = 100
"""Executions that are looked at together."""

A_MOMENT: Final = 0.001
"""Seconds by which a wait goes past what falls due, so that it is due by then."""


class Worker:
    """Handles the messages that the engine sends while it is there, and whatever is due."""

    def __init__(self, messages: list[Committed], patches: ExitStack) -> None:
        self.messages = messages
        """What the engine would tell workers, and nobody has handled yet. Cleared, it is lost."""
        self._patches = patches
        self._clock: Clock | None = None

    def work_off(self) -> None:
        """Does all that is due now, and all that becomes due by that. What your functions raise is
        recorded as it always is: look at the saga for it.

        Raises AssertionError if that has no end, and RuntimeError in a thread that runs an event
        loop.
        """
        work_off(self.messages)

    def wait(self, duration: Duration) -> None:
        """Time goes by (a timedelta, or seconds), and what falls due is done at its time: retries,
        sleeps, timeouts, deadlines. Only PostgreSQL's clock is put forward, and only for this
        thread: the test takes no longer."""
        _require_no_loop()
        clock = self._put_forward()
        end = clock.ahead + as_timedelta(duration).total_seconds()
        while (due_in := clock.until_next_wake()) is not None:
            if clock.ahead + due_in >= end:
                break
            clock.ahead += due_in + A_MOMENT
            work_off(self.messages)
        clock.ahead = end
        work_off(self.messages)

    def _put_forward(self) -> Clock:
        if self._clock is None:
            self._clock = Clock()
            self._patches.enter_context(around_statements(self._clock))
        return self._clock


@contextmanager
def working() -> Iterator[Worker]:
    """Within the block, the one worker that there is."""
    with collected() as messages, ExitStack() as patches:
        yield Worker(messages, patches)


@contextmanager
def collected() -> Iterator[list[Committed]]:
    """Every transition that is committed within the block, the newest last: told to nobody else,
    so that nothing is sent and nothing pushed."""
    told: list[Committed] = []
    before = list(listeners._listeners)
    listeners._listeners[:] = [told.extend]
    try:
        yield told
    finally:
        listeners._listeners[:] = before


def work_off(messages: list[Committed], most: int = MOST_MESSAGES) -> None:
    """Handles every message and all that is due, as workers would, until nothing more is."""
    _require_no_loop()
    for _ in range(most):
        _commit_in_test_case()
        if messages:
            told = messages.pop(0)
            for hint in told.hints:
                with suppress(Exception):  # an action's own, which the engine has recorded
                    perform(told.execution_id, hint.step, hint.direction, hint.fence)
        elif not engine.wake(AT_ONCE):
            return
    raise AssertionError(f"{most} messages without an end: does a saga start itself again?")


def _require_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "This worker is not async, though your actions may be. In an async test, call it as "
        "`await sync_to_async(saga_worker.work_off)()`."
    )


def _commit_in_test_case() -> None:
    """Django's `TestCase` holds a transaction around each test that is never committed: what waits
    for its end is told now, as far as it is the engine's."""
    blocks = connection.atomic_blocks
    if not blocks or not all(map(is_of_test_case, blocks)):
        return
    waiting, connection.run_on_commit = connection.run_on_commit, []
    for each in waiting:
        if each[1].__module__ == listeners.__name__:
            each[1]()
        else:
            connection.run_on_commit.append(each)


@contextmanager
def definable() -> Iterator[Callable[[Saga], Saga]]:
    """What makes a saga known until the end of the block, as if it stood in a `sagas.py`."""
    known = dict(registry._sagas)

    def define(saga: Saga) -> Saga:
        registry.add(saga)
        return saga

    try:
        yield define
    finally:
        registry._sagas.clear()
        registry._sagas.update(known)
