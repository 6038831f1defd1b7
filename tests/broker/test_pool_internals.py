"""The private parts of Celery and billiard that are used (`sagas.broker.internals`), with Celery's
own pool and Kombu's own loop."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery.concurrency.asynpool import AsynPool
from celery.worker.request import Request
from kombu.asynchronous import Hub, set_event_loop

from sagas.broker import internals

LIMIT = 20.0


class Loop:
    """A pool of one process, whose loop turns only when it is told to."""

    def __init__(self) -> None:
        self.hub = Hub()
        set_event_loop(self.hub)
        self._processes = AsynPool(processes=1, threads=False, allow_restart=True)
        self._processes.register_with_event_loop(self.hub)
        self.pool = SimpleNamespace(_pool=self._processes)  # as a worker has it
        self._turns = self.hub.create_loop()
        self.turn_until(lambda: self._processes._all_inqueues)

    def turn_until(self, done: Callable[[], Any]) -> None:
        deadline = time.monotonic() + LIMIT
        self.hub.call_repeatedly(0.05, lambda: None)  # so that no turn waits for long
        while not done():
            assert time.monotonic() < deadline
            next(self._turns)

    def apply(self, function: Any, *arguments: Any) -> list[Any]:
        """What comes of it, once it has."""
        came: list[Any] = []
        self._processes.apply_async(function, arguments, callback=came.append)
        return came

    @property
    def waiting(self) -> int:
        return len(self._processes.outbound_buffer)

    @property
    def pid(self) -> int:
        [process] = self._processes._pool
        return int(process.pid)

    def end(self) -> None:
        self._processes.terminate()
        self._processes.join()
        self.hub.close()
        set_event_loop(None)


@pytest.fixture
def loop() -> Iterator[Loop]:
    found = Loop()
    yield found
    found.end()


def test_celery_all_inqueues_a_process_that_is_free_has_it_before_the_next_turn(loop: Loop) -> None:
    came = loop.apply(os.getpid)
    assert loop.waiting == 1, "left to Celery, it waits for the loop"
    internals.write_to_processes(loop.pool, loop.hub)
    assert loop.waiting == 0
    loop.turn_until(lambda: came)
    assert came == [loop.pid]


def test_one_that_is_busy_has_the_next_when_it_is_free(loop: Loop) -> None:
    first, second = loop.apply(time.sleep, 0.2), loop.apply(os.getpid)
    internals.write_to_processes(loop.pool, loop.hub)
    internals.write_to_processes(loop.pool, loop.hub)
    assert loop.waiting == 1
    loop.turn_until(lambda: second)
    assert first == [None]


def test_what_was_written_to_a_process_that_died_goes_to_the_next(loop: Loop) -> None:
    before = loop.pid
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)  # Celery does not know of it yet
    came = loop.apply(os.getpid)
    internals.write_to_processes(loop.pool, loop.hub)
    assert loop.waiting == 0
    loop.turn_until(lambda: came)
    assert came == [loop.pid]
    assert loop.pid != before


def test_celery_apply_result_and_billiard_on_timeout_cancel(loop: Loop) -> None:
    cancelled: list[Any] = []
    result = loop._processes.apply_async(os.getpid, ())
    result._on_timeout_cancel = cancelled.append
    assert Request._apply_result is None, "before a pool has it"
    internals.cancel_time_limits(SimpleNamespace(_apply_result=lambda: result))
    assert cancelled == [result]


def test_a_pool_with_time_limits_has_that_handle(loop: Loop) -> None:
    result = loop._processes.apply_async(os.getpid, ())
    assert callable(result._on_timeout_cancel)
