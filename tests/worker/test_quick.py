"""Which actions count as latency."""

import multiprocessing
from collections.abc import Iterator
from typing import Any, cast

import pytest

from sagas.machine import Direction, Retry
from sagas.worker.fast import latency

NAME = "shop.a"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What a process has claimed, of a task that has a place."""
    monkeypatch.setattr(latency, "_places", {})
    latency.watch(NAME)
    latency._runs[0], before = 0, latency._runs[0]
    found = cast("Any", type("Work", (), {"step": "a", "direction": Direction.ACTION}))
    found.definition = type("Definition", (), {"saga_type": "shop"})
    found.retry = Retry()
    yield found
    latency._runs[0] = before


def ran(work: Any, *seconds: float) -> bool:
    for each in seconds:
        latency.note(work, each)
    return latency.is_quick(NAME)


def test_an_action_is_quick_if_nearly_all_of_its_last_runs_were(work: Any) -> None:
    assert not latency.is_quick(NAME), "never seen"
    assert not ran(work, *[0.0] * (latency.OF_WHICH_QUICK - 1))
    assert ran(work, 0.0)
    assert ran(work, 0.0, 0.0, 1.0, 1.0), "it may be the machine"
    assert not ran(work, 1.0)
    assert ran(work, *[0.0] * latency.RUNS)
    work.retry = Retry(max_attempts=1)
    assert not ran(work, *[0.0] * latency.RUNS), "a process that dies would take its only attempt"


def test_what_one_child_has_seen_its_parent_and_all_others_know(work: Any) -> None:
    child = multiprocessing.get_context("fork").Process(
        target=ran, args=(work, *[0.0] * latency.RUNS)
    )
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert latency.is_quick(NAME)


def test_a_task_without_a_place_is_never_quick(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "TASKS", 1)
    latency.watch("shop.b")
    work.step = "b"
    assert not ran(work, *[0.0] * latency.RUNS)
    assert not latency.is_quick("shop.b")
