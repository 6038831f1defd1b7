"""What a child of a worker is at, as its parent reads it."""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from billiard import get_context

from sagas import engine
from sagas.machine import Progress
from sagas.worker import attempts as module
from sagas.worker.attempts import LAST, at_work, attempts_of, key, overdue, take_slot

FORK = get_context("fork")
LIMIT = timedelta(seconds=1)


def work(execution_id: int) -> engine.Work:
    return cast("engine.Work", SimpleNamespace(execution_id=execution_id, step="a", fence=3))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(*execution_ids: int, dies_in: int | None = None) -> None:
    """So many actions, the last of which may kill the process."""
    for each in execution_ids:
        with at_work(work(each), LIMIT):
            if each == dies_in:
                die()
    die()


def pid_of(function: Callable[[], None], place: int = 0) -> int:
    """The process that ran it, and is dead."""

    def begin() -> None:
        take_slot()
        function()

    process = FORK.Process(target=begin)
    process.index = place
    process.start()
    process.join(20)
    assert process.exitcode == -signal.SIGKILL
    pid: int = process.pid
    return pid


def test_s14_what_a_dead_process_had_begun_is_known() -> None:
    pid = pid_of(lambda: run(1, 2, 3, dies_in=3))
    ran, running = Progress.RAN, Progress.RUNNING
    assert attempts_of(pid) == {key(1, "a", 3): ran, key(2, "a", 3): ran, key(3, "a", 3): running}
    assert attempts_of(pid_of(lambda: run(1, 2))) == {key(1, "a", 3): ran, key(2, "a", 3): ran}


def test_s14_one_that_began_nothing_is_known_too_and_one_without_a_place_is_not() -> None:
    assert attempts_of(pid_of(die)) == {}
    assert attempts_of(pid_of(lambda: run(1), place=module.CHILDREN)) is None
    assert attempts_of(os.getpid()) is None


def test_the_last_ones_are_remembered() -> None:
    found = attempts_of(pid_of(lambda: run(*range(2 * LAST + 5), dies_in=2 * LAST + 4)))
    assert found is not None
    assert list(found) == [key(each, "a", 3) for each in range(LAST + 5, 2 * LAST + 5)]


def test_those_that_replace_a_child_leave_what_it_was_at() -> None:
    pid = pid_of(lambda: run(7, dies_in=7), place=5)
    for _ in range(module.GENERATIONS - 1):
        pid_of(lambda: run(8), place=5)
    assert attempts_of(pid) == {key(7, "a", 3): Progress.RUNNING}


def test_a_process_without_a_slot_notes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_mine", None)
    before = module._slots.tobytes()
    with at_work(work(1), LIMIT):
        assert module._slots.tobytes() == before


def test_r4_what_should_have_ended_is_found_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> None:
        with at_work(work(1), timedelta(milliseconds=1)):
            time.sleep(0.01)
            die()

    def in_time() -> None:
        with at_work(work(1), timedelta(hours=1)):
            die()

    found = [pid_of(each) for each in (slow, in_time, lambda: run(1))]
    late = {pid for pid, begun in overdue() if begun == 1}
    assert [pid in late for pid in found] == [True, False, False]
