"""What a definition would meet in executions that another one, or other code, began."""

from dataclasses import replace
from typing import Any

import pytest

from sagas.machine import (
    Cancel,
    ChildrenMoved,
    FailureKind,
    ForEach,
    Outcome,
    Parallel,
    Pause,
    Saga,
    Signal,
    Skip,
    Sleep,
    SubSaga,
    WaitFor,
)
from sagas.testing import Conversation
from sagas.whatif.compatibility import problems
from tests.machine.conversation import nothing, step, talk
from tests.machine.stored import EventRow, Row, events_of, met_by, row_of

BY: Any = {"by": "anna", "reason": "she knows why"}
CHANGED = ("definition-changed", None)
ITEMS = ForEach("each", over="items", action=nothing, compensation=nothing, max_concurrency=1)


def met(of: Conversation, *steps: Any) -> list[tuple[str, str | None]]:
    """What a definition of these steps would meet in `of`: kinds, and steps."""
    found = met_by(Saga("order", list(steps)), of)
    assert all(problem.breaks == (problem.kind != CHANGED[0]) for problem in found)
    return [(problem.kind.value, problem.step) for problem in found]


def at_second() -> Conversation:
    """Its first step is done, and its second is due."""
    of = talk(step("a"), step("b"))
    of.succeed("a")
    return of


def turned() -> Conversation:
    """Its second step was refused, and the first is to be undone."""
    of = at_second()
    of.fail("b")
    return of


def past_pivot() -> Conversation:
    of = talk(step("a"), step("go", pivot=True), step("b", undo=False))
    of.succeed("a")
    of.succeed("go")
    return of


def test_s12_its_own_definition_meets_nothing() -> None:
    assert met(at_second(), step("a"), step("b")) == []


def test_s12_policies_may_change() -> None:
    assert met(at_second(), step("a", timeout=99), step("b", queue="slow")) == []


def test_s12_an_unknown_definition() -> None:
    [found] = met_by(None, at_second())
    assert found.kind == "unknown-definition"
    assert "'order' in version 1" in found.message
    assert "Keep it in sagas.py" in found.message


# --- Steps that are gone --------------------------------------------------------------------------


def test_s4_a_removed_step_that_may_have_to_be_undone() -> None:
    assert met(at_second(), step("b")) == [("step-removed", "a")]
    assert met(turned(), step("b")) == [("step-removed", "a")]


@pytest.mark.parametrize("how_far", ["scheduled", "running"])
def test_s12_a_removed_step_that_is_at_work(how_far: str) -> None:
    of = at_second()
    if how_far == "running":
        of.claim("b")
    [found] = met_by(Saga("order", [step("a")]), of)
    assert (found.kind, found.step) == ("step-removed", "b")
    assert f"Step b is {how_far}" in found.message
    assert "next version" in found.message


def test_s7_a_removed_step_that_is_past_its_pivot_is_missed_by_nobody() -> None:
    assert met(past_pivot(), step("go", pivot=True), step("b", undo=False)) == [CHANGED]


def test_a_removed_step_that_was_undone_or_only_waited_is_missed_by_nobody() -> None:
    of = turned()
    of.fail("a")
    assert met(of, step("a")) == [CHANGED]
    waited = talk(Sleep("rest", 1), step("b"))
    waited.pass_time(2)
    assert met(waited, step("b")) == [CHANGED]


def test_a_removed_step_that_stands_in_a_failed_execution() -> None:
    of = past_pivot()
    of.give_up("b", FailureKind.REJECTED)
    assert of.state.status == "failed"
    assert met(of, step("a"), step("go", pivot=True)) == [("step-removed", "b")]


# --- Steps that are new ---------------------------------------------------------------------------


def test_s6_a_step_inserted_before_one_that_was_reached() -> None:
    found = met(at_second(), step("new"), step("a"), step("b"))
    assert found == [("step-inserted", "new")]
    assert met(at_second(), step("a"), step("new"), step("b")) == [("step-inserted", "new")]


def test_s7_a_pivot_inserted_before_what_was_reached() -> None:
    after = (step("a", undo=False), step("b", undo=False))
    assert met(at_second(), step("go", pivot=True), *after) == [("step-inserted", "go")]


def test_s6_a_step_inserted_into_a_branch() -> None:
    of = talk(Parallel([step("a"), step("b")], step("c")))
    of.succeed("a")
    found = met(of, Parallel([step("a"), step("new"), step("b")], step("c")))
    assert found == [("step-inserted", "new")]
    found = met(of, Parallel([step("a"), step("b"), step("new")], [step("c"), step("other")]))
    assert found == [CHANGED]


def test_s6_steps_in_another_order() -> None:
    assert met(at_second(), step("b"), step("a")) == [CHANGED]
    of = talk(step("a"), step("b"), step("c"))
    of.succeed("a")
    assert met(of, step("c"), step("a"), step("b")) == [("step-inserted", "c")]
    assert met(of, step("a"), step("c"), step("b")) == [("step-inserted", "c")]


def test_a_step_added_at_the_end_or_on_the_way_back_is_no_harm() -> None:
    assert met(at_second(), step("a"), step("b"), step("new")) == [CHANGED]
    assert met(turned(), step("new"), step("a"), step("b")) == [CHANGED]


def test_a_step_that_was_skipped_before_its_time_is_no_witness() -> None:
    of = talk(step("a"), step("b"), step("c"))
    of.tell(Skip(step="c", **BY))
    assert met(of, step("a"), step("b"), step("c")) == []


# --- Steps that are of another kind ---------------------------------------------------------------


def test_s12_a_step_of_another_kind() -> None:
    assert met(at_second(), step("a"), WaitFor("b")) == [("step-changed", "b")]
    assert met(at_second(), SubSaga("a"), step("b")) == [("step-changed", "a")]
    waiting = talk(WaitFor("a"), step("b"))
    assert met(waiting, step("a"), step("b")) == [("step-changed", "a")]
    child = talk(SubSaga("a"), step("b"))
    assert met(child, step("a"), step("b")) == [("step-changed", "a")]


def test_l1_a_wait_that_would_never_end() -> None:
    """No step is missing and none is of a kind that can't wait: it is the rehearsal that tells."""
    of = talk(WaitFor("a"), step("b"))
    assert met(of, Sleep("a", 5), step("b")) == [("no-way-forward", None)]
    timed = talk(WaitFor("a", timeout=60), step("b"))
    assert met(timed, Sleep("a", 5), step("b")) == [CHANGED]


def test_s4_a_wait_that_is_over_is_not_undone_as_if_it_had_run() -> None:
    of = talk(WaitFor("a"), step("b"))
    of.tell(Signal("a", 1, "bank"))
    assert met(of, step("a"), step("b")) == [("step-changed", "a")]


def test_s12_a_fan_out_over_another_list() -> None:
    of = talk(ITEMS, step("b"), items=[1, 2], more=[1, 2])
    assert met(of, replace(ITEMS, over="none"), step("b")) == [("step-changed", "each")]
    assert met(of, replace(ITEMS, over="more"), step("b")) == [CHANGED]
    of.tell(ChildrenMoved("each", {Outcome.COMPLETED: 1}))
    of.tell(ChildrenMoved("each", {Outcome.COMPLETED: 1}))
    assert met(of, replace(ITEMS, over="none"), step("b")) == [CHANGED]


# --- Compensations --------------------------------------------------------------------------------


def test_s4_a_compensation_that_is_due_and_gone() -> None:
    of = turned()
    assert met(of, step("a", undo=False), step("b")) == [("compensation-removed", "a")]


def test_s4_a_compensation_that_may_be_needed_and_is_gone_is_told_by_the_digest() -> None:
    of = talk(step("a"), Parallel(step("b"), step("c", undo=False)), step("d"))
    for name in ("a", "b", "c"):
        of.succeed(name)
    bare = Parallel(step("b", undo=False), step("c", undo=False))
    assert met(of, step("a"), bare, step("d")) == [("compensation-removed", "b")]
    both = [("compensation-removed", "a"), ("compensation-removed", "b")]
    assert met(of, step("a", undo=False), bare, step("d")) == both


def test_s4_a_step_that_never_had_a_compensation_is_no_alarm() -> None:
    of = talk(step("a", undo=False), step("b"))
    of.succeed("a")
    assert met(of, step("a", undo=False), step("b"), step("new")) == [CHANGED]


def test_s7_a_compensation_that_is_past_its_pivot_is_needed_by_nobody() -> None:
    steps = (step("a", undo=False), step("go", pivot=True), step("b", undo=False))
    assert met(past_pivot(), *steps) == [CHANGED]


# --- Rows and events ------------------------------------------------------------------------------


def read(row: Row, events: list[EventRow]) -> list[tuple[str, str]]:
    of = at_second()
    return [(found.kind.value, found.message) for found in problems(of.saga, row, of.now, events)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"status": "frozen"}, "'frozen' is not a valid ExecutionStatus"),
        ({"steps": {"a": {"status": "melted"}}}, "'melted' is not a valid StepStatus"),
        ({"steps": {"a": {"status": "pending", "mood": 1}}}, "mood, which this code would drop"),
        ({"options": {"mood": 1}}, "mood"),
        ({"commands": ["dance"]}, "'dance' is not a valid ParentCommand"),
    ],
)
def test_r15_a_row_that_newer_code_wrote(row: dict[str, Any], says: str) -> None:
    of = at_second()
    [(kind, message)] = read(replace(row_of(of), **row), events_of(of))
    assert kind == "unreadable"
    assert says in message
    assert "deploy code that is no older" in message


@pytest.mark.parametrize("change", [{"type": "step.danced"}, {"data": {"mood": 1}}])
def test_r15_an_event_that_newer_code_wrote(change: dict[str, Any]) -> None:
    of = at_second()
    events = events_of(of)
    events[2] = replace(events[2], **change)
    [(kind, message)] = read(row_of(of), events)
    assert kind == "unreadable"
    assert "Its event 3" in message


def test_s8_a_history_that_does_not_lead_to_its_row() -> None:
    of = at_second()
    row, events = row_of(of), events_of(of)
    for other, told, says in (
        (row, [*events[:2], *events[3:]], "event 3 is missing"),
        (row, [], "StopIteration"),
        (row, events[:-1], "they lead to another last_seq, step b"),
        (row, [*events[:2], replace(events[2], type="saga.completed", data={})], "which is"),
        (replace(row, context={"x": 1}), events, "another context"),
        (replace(row, paused=True), events, "another paused"),
    ):
        [(kind, message)] = read(other, told)
        assert (kind, says in message) == ("other-history", True), message


def test_r15_what_old_code_did_not_keep_is_not_missed() -> None:
    of = at_second()
    row = row_of(of)
    steps = {
        name: {key: value for key, value in data.items() if key != "since"}
        for name, data in row.steps.items()
    }
    assert read(replace(row, steps=steps, definition_digest=""), events_of(of)) == []


def test_s12_without_a_digest_a_change_is_told_only_if_it_breaks() -> None:
    of = at_second()
    row = replace(row_of(of), definition_digest="")
    longer = Saga("order", [step("a"), step("b"), step("new")])
    assert problems(longer, row, of.now) == []
    [found] = problems(Saga("order", [step("b")]), row, of.now)
    assert found.kind == "step-removed"


@pytest.mark.parametrize("what", [Pause(**BY), Cancel(**BY)])
def test_what_people_did_is_no_problem(what: Pause | Cancel) -> None:
    of = at_second()
    of.tell(what)
    assert met(of, step("a"), step("b")) == []
