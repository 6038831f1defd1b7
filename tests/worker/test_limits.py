"""The limits of a step, in processes as a pool has them."""

import asyncio
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from billiard import get_context
from celery.exceptions import SoftTimeLimitExceeded

from sagas.engine import event_loop
from sagas.worker.limits import limited

FORK = get_context("fork")


def ending_of(function: Callable[[], None], *, of_a_pool: bool = True) -> int | None:
    """The exit code of a process that runs it: 0 if it returned, 7 if it was told to end."""

    def run() -> None:
        try:
            function()
        except SoftTimeLimitExceeded:
            raise SystemExit(7) from None

    process = FORK.Process(target=run)
    if of_a_pool:
        process.index = 0
    process.start()
    process.join(20)
    code: int | None = process.exitcode
    if code is None:
        process.terminate()
    return code


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def wait(seconds: float) -> None:
    """An action that listens to nobody."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            time.sleep(left)
        except SoftTimeLimitExceeded:
            continue


def within_its_limits() -> None:
    with limited(seconds(5), seconds(10)):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def beyond_the_first() -> None:
    with limited(seconds(0.05), seconds(30)):
        time.sleep(20)


def first_and_then_quick() -> None:
    """The hard limit was that of the step, and not of what comes after it."""
    try:
        with limited(seconds(0.05), seconds(2)):
            time.sleep(20)
    except SoftTimeLimitExceeded:
        time.sleep(2.5)


def beyond_both() -> None:
    with limited(seconds(0.05), seconds(0.1)):
        wait(30)


def beside_an_alarm_of_somebody_else() -> None:
    rung = []
    signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with limited(seconds(5), seconds(10)):
        time.sleep(0.05)
    assert not rung
    deadline = time.monotonic() + 10
    while not rung and time.monotonic() < deadline:
        signal.pause()
    assert rung


def by_an_alarm_after_it() -> None:
    """Nobody handles it: it ends the process, as if no step had run there."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest-timeout has a handler of its own
    for _ in range(2):
        with limited(seconds(5), seconds(10)):
            pass
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    time.sleep(20)


def cancelled_at_the_first() -> None:
    """Told by its loop alone: the alarm would strike that."""
    ended = []

    async def act() -> None:
        try:
            await asyncio.sleep(20)
        finally:
            await asyncio.sleep(0.05)
            ended.append(asyncio.get_running_loop())

    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    try:
        with limited(seconds(1), seconds(30)) as limit:  # the loop is at work by then
            event_loop.run(act(), limit)
    finally:
        assert ended == [event_loop.run(loop())], "it is still there"


def cancelled_and_going_on() -> None:
    async def act() -> None:
        while True:
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                continue

    with limited(seconds(1), seconds(5)) as limit:  # the loop is at work by then, and answers
        event_loop.run(act(), limit)


def async_without_an_await() -> None:
    """The loop can't cancel it: it is told as a sync action is."""

    async def act() -> None:
        time.sleep(20)

    with limited(seconds(0.05), seconds(5)) as limit:
        event_loop.run(act(), limit)


def async_and_then_quick() -> None:
    """Nothing is left of its limit."""

    async def act() -> None:
        await asyncio.sleep(0.01)

    for _ in range(3):
        with limited(seconds(1), seconds(1.5)) as limit:
            event_loop.run(act(), limit)
    time.sleep(1.6)
    assert event_loop.run(asyncio.sleep(1.6, "unlimited")) == "unlimited"


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (within_its_limits, 0),
        (beyond_the_first, 7),
        (first_and_then_quick, 0),
        (beyond_both, -signal.SIGALRM),
        (beside_an_alarm_of_somebody_else, 0),
        (by_an_alarm_after_it, -signal.SIGALRM),
        (cancelled_at_the_first, 7),
        (cancelled_and_going_on, -signal.SIGALRM),
        (async_without_an_await, 7),
        (async_and_then_quick, 0),
    ],
)
def test_r4_an_attempt_is_told_to_end_and_then_ended(
    function: Callable[[], None], code: int
) -> None:
    assert ending_of(function) == code


def test_r4_a_worker_is_not_ended_by_a_step_in_its_own_process() -> None:
    def unlimited() -> None:
        with limited(seconds(0.01), seconds(0.02)):
            time.sleep(0.1)

    assert ending_of(unlimited, of_a_pool=False) == 0


def test_r4_an_async_action_is_cancelled_in_every_pool() -> None:
    async def act() -> None:
        await asyncio.sleep(20)

    def run() -> None:
        with limited(seconds(0.05), seconds(0.06)) as limit:
            event_loop.run(act(), limit)

    assert ending_of(run, of_a_pool=False) == 7
