"""Sagas that each had a message, and went to a process together
(`sagas.worker.fast.message_batching`)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings

from sagas.machine import Rejected, SagaStep
from sagas.worker.fast import inline
from sagas.worker.hints import HEADER
from tests.configured import configure
from tests.engine.driving import row
from tests.surroundings.marks import fast_path
from tests.worker import calls
from tests.worker.calls import names, note
from tests.worker.test_in_step import quick
from tests.worker.test_others import sent_again, started, statuses, two

pytestmark = [pytest.mark.django_db(transaction=True), fast_path]
__all__ = ["quick", "sent_again"]  # fixtures


@pytest.fixture(params=["in step", "one by one"])
def receive(
    request: Any, worker: Any, quick: Any, sent_again: Any, committed: Any
) -> Callable[..., list[int]]:
    """Has a process take the messages for the first step of so many sagas, with ids of their own
    but for the first."""

    def take(steps: list[SagaStep], count: int) -> list[int]:
        hand_over = worker(steps)
        first, *others = ids = started(count)
        if request.param == "in step":
            quick(*(f"shop.{step.name}" for step in steps))
        told = [[each, 0, row(each).saga_id, f"own-{n}"] for n, each in enumerate(others, 1)]
        hand_over(first, steps[0].name, **{HEADER: {"queue": None, "hints": told}})
        return ids

    return take


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What Flower would be told of tasks that the child began."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(
        inline, "_tell", lambda _, kind, **fields: found.append((kind, fields["uuid"]))
    )
    return found


def test_each_is_the_task_that_its_message_was_sent_for(receive: Any, told: list[Any]) -> None:
    ids = receive(two(), 3)
    assert statuses(ids) == ["completed"] * 3
    own = [(name, task_id) for name, task_id in calls.MADE if task_id.startswith("own-")]
    assert own == [("shop.a", "own-1"), ("shop.a", "own-2")]
    assert len(set(calls.MADE)) == 6
    kinds = [kind for kind, task_id in told if task_id == "own-1"]
    assert kinds == ["task-started", "task-succeeded"], "the main process received it"


def test_each_message_has_a_budget_of_its_own(
    receive: Any, settings: LazySettings, committed: Any, sent_again: list[Any]
) -> None:
    configure(settings, INLINE_STEPS=1)
    ids = receive(two(), 3)
    assert names() == ["shop.a"] * 3
    assert statuses(ids) == ["running"] * 3
    assert [hint.step for each in committed for hint in each.hints] == ["a"] * 3 + ["b"] * 3
    assert sent_again == []


def test_l2_those_for_which_there_is_no_time_are_sent_again(
    receive: Any, settings: LazySettings, told: list[Any], sent_again: list[Any]
) -> None:
    configure(settings, INLINE_MS=0)
    receive(two(), 3)
    assert names() == ["shop.a"]
    assert sent_again == [("shop.a", ["s-1", "s-2"])]
    assert told == [("task-rejected", "own-1"), ("task-rejected", "own-2")]


def test_one_that_is_refused_is_seen_as_failed(receive: Any, told: list[Any]) -> None:
    def refuse_one(context: Any) -> None:
        note(context)
        if context["saga_id"] == "s-2":
            raise Rejected("sold out")

    ids = receive([SagaStep("a", refuse_one)], 3)
    assert statuses(ids) == ["completed", "completed", "compensated"]
    assert ("task-failed", "own-2") in told
