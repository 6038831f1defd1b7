"""A rehearsal ends well wherever a definition has brought an execution itself: no false alarm."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagas.machine import (
    Cancel,
    Children,
    ChildrenMoved,
    Claim,
    Direction,
    Fact,
    Failed,
    FailureKind,
    ForEach,
    Options,
    Outcome,
    Parallel,
    ParentCommand,
    ParentCommanded,
    Pause,
    Resolve,
    Resume,
    Saga,
    Signal,
    Skip,
    Sleep,
    SubSaga,
    Succeeded,
    TryAgain,
    WaitFor,
    Woken,
    hints,
)
from sagas.machine.events import SagaStarted
from sagas.testing import Conversation
from sagas.whatif.rehearsal import goes_back, goes_forward
from tests.machine.conversation import ACTION, failure, nothing, step, talk
from tests.machine.stored import met_by
from tests.properties.shapes import CONTEXT, sagas

ENOUGH = {key: [1, 2, 3] for key in ["items", *CONTEXT]} | {"nap": CONTEXT["nap"]}
"""No step fails for want of a list, or of a time."""

BY: Any = {"by": "anna", "reason": "she knows why"}
ITEMS = ForEach("each", over="items", action=nothing, compensation=nothing, max_concurrency=2)
LATER = ForEach("each", over="items", action=nothing, max_concurrency=2)
MIXED = [
    Saga("order", [step("a"), WaitFor("paid", timeout=60), Sleep("rest", 60), step("b")]),
    Saga("order", [step("a"), ITEMS, SubSaga("pack"), step("b")]),
    Saga("order", [Parallel([SubSaga("pack"), step("a")], [WaitFor("paid"), step("b")]), ITEMS]),
    Saga("order", [step("a"), step("go", pivot=True), Parallel(LATER, step("b", undo=False))]),
    Saga("order", [ITEMS, step("go", pivot=True, undo=False), SubSaga("pack"), Sleep("rest", 9)]),
]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_s12_what_a_definition_began_it_can_end(data: st.DataObject) -> None:
    """Any facts, in any order, mostly those that get it on."""
    saga = data.draw(st.sampled_from(MIXED) | sagas())
    of = Conversation(saga, ENOUGH)
    if data.draw(st.booleans()):
        hold(of)
    for _ in range(data.draw(st.integers(0, 40))):
        facts = list(work(of))
        if not facts or data.draw(st.integers(0, 6)) == 6:
            facts = list(meddling(of))
        of.tell(data.draw(st.sampled_from(facts)))
        if data.draw(st.integers(0, 6)) == 6:
            of.pass_time(data.draw(st.sampled_from([5, 100])))
    assert met_by(saga, of) == []


@pytest.mark.parametrize("outcome", [Outcome.GAVE_UP, Outcome.STUCK])
def test_s12_a_child_that_may_fail_has_failed(outcome: Outcome) -> None:
    of = talk(Parallel(SubSaga("pack", on_failure="continue"), step("a")), step("b"))
    of.tell(ChildrenMoved("pack", {Outcome.GAVE_UP: 1}))
    if outcome is Outcome.STUCK:
        of.tell(ChildrenMoved("pack", {Outcome.GAVE_UP: -1, Outcome.STUCK: 1}))
    assert goes_forward(of.saga, of.state, of.now) == ""
    assert goes_back(of.saga, of.state, of.now) == ""


def test_s12_steps_may_need_different_numbers_of_items_from_one_list() -> None:
    two = ForEach("two", over="items", action=nothing, compensation=nothing, enough=2)
    of = talk(step("a"), two, ITEMS)
    assert goes_forward(of.saga, of.state, of.now) == ""


def hold(of: Conversation) -> None:
    """Makes it a child that waits for its parent's word to go back."""
    started = of.history[0]
    assert isinstance(started, SagaStarted)
    of.history[0] = replace(started, held=True)
    of.state = replace(of.state, options=replace(of.state.options, held=True))


def work(of: Conversation) -> Iterator[Fact]:
    """What workers, children and signals may tell at this moment."""
    for hint in hints(of.state, of.now):
        yield Claim(hint.step, hint.direction, hint.fence, f"holder-{of.state.last_seq}")
    for name in of.state.current_steps:
        at = of.state.step(name)
        assert at.direction is not None
        if at.children is not None:
            can_turn = name not in of.saga.after_pivot
            changes = news(at.children, at.direction, can_turn=can_turn)
            yield from (ChildrenMoved(name, change) for change in changes)
        elif at.lease_until is not None:
            yield Succeeded(name, at.direction, at.fence, {name: 1})
            for kind in (FailureKind.REJECTED, FailureKind.UNKNOWN):
                yield Failed(name, at.direction, at.fence, failure(kind))
        elif isinstance(of.saga.by_name[name], WaitFor):
            yield Signal(name, {"sum": 7}, "bank")


def news(
    children: Children, direction: Direction, *, can_turn: bool
) -> Iterator[dict[Outcome, int]]:
    if direction is ACTION:
        if children.started > children.count(*Outcome):
            yield from ({outcome: 1} for outcome in (Outcome.COMPLETED, Outcome.FINAL))
            yield from [{Outcome.GAVE_UP: 1}] if can_turn else []
        return
    told = children.count(Outcome.UNDONE, Outcome.STUCK, Outcome.FINAL)
    for before in (Outcome.COMPLETED, Outcome.GAVE_UP):
        if children.count(before) and children.started > told:
            yield from ({before: -1, after: 1} for after in (Outcome.UNDONE, Outcome.STUCK))


def meddling(of: Conversation) -> Iterator[Fact]:
    """What people, and a parent, may want of it, whether or not it makes sense."""
    yield from (Cancel(**BY), Pause(**BY), Resume(**BY), TryAgain(**BY), Woken())
    if of.state.options.held:
        yield from (ParentCommanded(order) for order in ParentCommand)
    for name, known in of.saga.by_name.items():
        yield from (Skip(step=name, **BY), Resolve(step=name, **BY), TryAgain(step=name, **BY))
        if isinstance(known, WaitFor):
            yield Signal(name, {"sum": 7}, "bank")


def test_a_step_that_nobody_knows_any_more_is_told() -> None:
    """The net below the comparison of the steps, which finds this before."""
    of = talk(step("a"), step("b"))
    without = Saga("order", [step("b")])
    assert goes_forward(without, of.state, of.now) == "it ends completed, at a (scheduled)"


def test_what_the_machine_stumbles_over_is_told() -> None:
    of = talk(step("a"), step("b"))
    of.succeed("a")
    of.claim("b")
    other = Saga("order", [SubSaga("a"), step("b")])
    assert "AssertionError" in goes_back(other, of.state, of.now)
    assert goes_back(of.saga, of.state, of.now) == ""


def test_a_compensation_that_is_not_there_any_more_is_told() -> None:
    of = talk(step("a"), step("b"))
    of.succeed("a")
    of.fail("b")
    without = Saga("order", [step("a", undo=False), step("b")])
    told = goes_back(without, of.state, of.now)
    assert told == "it stays compensating, at a (compensation_scheduled)"


@pytest.mark.parametrize("hours", [-1, 1])
def test_times_and_locks_to_wait_for_are_no_alarm(hours: int) -> None:
    of = talk(step("a"), step("b"))
    moment = of.now + timedelta(hours=hours)
    options = Options(start_at=moment, deadline=moment, blocked=True)
    of.history[0] = SagaStarted("s-1", "order", 1, {}, moment, moment, blocked=True)
    of.state = replace(of.state, options=options)
    assert met_by(of.saga, of) == []


def test_a_fan_out_over_a_list_that_is_still_to_be_made_is_no_alarm() -> None:
    of = Conversation(Saga("order", [step("find"), ITEMS]))
    assert "items" not in of.state.context
    assert met_by(of.saga, of) == []


def test_a_retry_of_children_that_are_past_their_pivot_comes_to_an_end() -> None:
    """They tell nothing any more: as it is retried, the step gives up again, at once."""
    of = talk(SubSaga("pack"), step("b"))
    of.tell(ChildrenMoved("pack", {Outcome.FINAL: 1}))
    of.fail("b")
    assert of.statuses()["pack"] == "compensation_failed"
    of.tell(TryAgain(**BY))
    assert of.statuses()["pack"] == "compensation_failed"
    of.tell(Resolve(step="pack", **BY))
    assert of.state.status == "compensated"
