"""What a saga that was paused does with its children if it has to turn back once it goes on."""

from datetime import timedelta
from typing import Any

import pytest

from sagas.machine import (
    ChildCommand,
    ChildrenMoved,
    Decision,
    Failed,
    FailureKind,
    ForEach,
    Outcome,
    Parallel,
    ParentCommand,
    Pause,
    Repeat,
    Resume,
    Saga,
    agrees,
    fold,
)
from sagas.testing import Conversation
from tests.machine.conversation import ACTION, BY_ANNA, failure, nothing, step

HALT = ChildCommand("x", ParentCommand.HALT)


@pytest.fixture(params=["items", "rounds"])
def family(request: pytest.FixtureRequest) -> Any:
    """A step that starts its children one after the other."""
    if request.param == "items":
        return ForEach("x", over="items", action=nothing, max_concurrency=1)
    return Repeat("x", [step("r")], until="paid", most=3)


def paused_between_children(saga: Saga) -> Conversation:
    """The first child has completed, and the second was not started."""
    told = Conversation(saga, {"items": [1, 2]})
    if "a" in saga.by_name:
        told.claim("a")
    told.tell(Pause(**BY_ANNA))
    told.tell(ChildrenMoved("x", {Outcome.COMPLETED: 1}))
    return told


def resumed(told: Conversation) -> Decision:
    decision = told.tell(Resume(**BY_ANNA))
    assert agrees(fold(told.history), told.state), "S8"
    return decision


def test_r9_no_child_starts_once_a_branch_beside_it_gave_up_in_a_pause(family: Any) -> None:
    told = paused_between_children(Saga("order", [Parallel(step("a"), family)]))
    told.tell(Failed("a", ACTION, told.state.step("a").fence, failure(FailureKind.REJECTED)))
    decision = resumed(told)
    assert (decision.starts, told.status) == ((), "compensating")
    assert HALT in decision.child_commands


def test_r9_no_child_starts_once_the_deadline_has_passed_in_a_pause(family: Any) -> None:
    told = paused_between_children(Saga("order", [family], deadline=60))
    told.now += timedelta(seconds=61)
    decision = resumed(told)
    assert (decision.starts, told.status) == ((), "compensating")
    assert HALT in decision.child_commands


def test_the_next_child_starts_if_nothing_turns_the_saga_back(family: Any) -> None:
    told = paused_between_children(Saga("order", [Parallel(step("a"), family)], deadline=60))
    assert [start.first for start in resumed(told).starts] == [1]
