"""What people may do to an execution, and what they may not, as conversations."""

from typing import Any

import pytest

from sagas.machine import (
    Amend,
    Cancel,
    ExecutionStatus,
    Fact,
    FailureKind,
    Parallel,
    Pause,
    Resolve,
    Resume,
    Retry,
    Signal,
    Skip,
    Succeeded,
    TryAgain,
    Verdict,
    WaitFor,
    wake_at,
)
from sagas.machine import events as ev
from sagas.testing import Conversation
from tests.machine.conversation import ACTION, BY_ANNA, COMPENSATION, step, talk

ONCE = Retry(max_attempts=1)
CANCEL = Cancel(**BY_ANNA)


def refused(saga: Conversation, fact: Fact) -> str:
    """Why `fact` is refused; nothing has changed."""
    before = saga.state
    decision = saga.tell(fact)
    assert decision.verdict is Verdict.REFUSED
    assert saga.state == before
    return decision.reason


def stuck() -> Conversation:
    """A saga whose way back ended with one compensation that gave up."""
    saga = talk(step("a", compensation_retry=ONCE), step("b"), step("c"))
    saga.succeed("a")
    saga.succeed("b")
    saga.fail("c")
    saga.succeed("b")
    saga.fail("a")
    assert saga.state.status is ExecutionStatus.FAILED
    return saga


def stopped_after_pivot() -> Conversation:
    saga = talk(step("a"), step("p", pivot=True), step("x", undo=False))
    for name in ("a", "p"):
        saga.succeed(name)
    saga.fail("x")
    assert saga.state.status is ExecutionStatus.FAILED
    return saga


# --- Cancel ---------------------------------------------------------------------------------------


def test_a_cancel_undoes_what_happened_and_records_who_and_why() -> None:
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    assert saga.tell(CANCEL).verdict is Verdict.ACCEPTED
    assert saga.due() == {("a", "compensation")}
    assert ev.SagaCancelled(**BY_ANNA) in saga.history
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_r8_a_cancel_waits_for_what_runs() -> None:
    saga = talk(step("a"), Parallel(step("b"), step("c")))
    saga.succeed("a")
    fence = saga.claim("b")
    saga.tell(CANCEL)
    assert saga.due() == set()
    saga.tell(Succeeded("b", ACTION, fence, {}))
    assert saga.due() == {("b", "compensation")}


def test_a_cancel_before_anything_began_undoes_nothing() -> None:
    saga = talk(step("a"))
    saga.tell(CANCEL)
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_r7_a_cancel_after_the_last_success_is_told_so() -> None:
    saga = talk(step("a"))
    saga.succeed("a")
    assert "completed" in refused(saga, CANCEL)


def test_a_second_cancel_changes_nothing() -> None:
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    saga.tell(CANCEL)
    assert saga.tell(CANCEL).verdict is Verdict.REPEATED
    assert saga.types().count("saga.cancelled") == 1


def test_s7_a_cancel_is_refused_from_the_pivot_on() -> None:
    saga = talk(step("a"), step("p", pivot=True), step("x", undo=False))
    saga.succeed("a")
    fence = saga.claim("p")
    assert "is running" in refused(saga, CANCEL)
    saga.tell(Succeeded("p", ACTION, fence, {}))
    assert "past its pivot" in refused(saga, CANCEL)
    assert "past its pivot" in refused(stopped_after_pivot(), CANCEL)


def test_a_saga_that_came_back_half_way_is_not_cancelled_anew() -> None:
    assert "Retry or resolve" in refused(stuck(), CANCEL)


# --- Pause and resume -----------------------------------------------------------------------------


def test_a_paused_saga_starts_nothing_and_goes_on_where_it_was() -> None:
    saga = talk(step("a"), step("b"))
    fence = saga.claim("a")
    saga.tell(Pause(**BY_ANNA))
    saga.tell(Succeeded("a", ACTION, fence, {}))
    assert (saga.due(), wake_at(saga.state, saga.now, 0)) == (set(), None)
    hinted = saga.tell(Resume(**BY_ANNA)).hints
    assert [hint.step for hint in hinted] == ["b"]
    assert saga.due() == {("b", "action")}


def test_a_paused_way_back_goes_on_backward() -> None:
    saga = talk(step("a"), step("b"), step("c"))
    saga.succeed("a")
    saga.succeed("b")
    saga.fail("c")
    saga.tell(Pause(**BY_ANNA))
    assert saga.due() == set()
    saga.tell(Resume(**BY_ANNA))
    assert saga.due() == {("b", "compensation")}


def test_a_cancel_of_a_paused_saga_turns_it_back_when_it_is_resumed() -> None:
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    saga.tell(Pause(**BY_ANNA))
    saga.tell(CANCEL)
    assert saga.state.status is ExecutionStatus.COMPENSATING
    assert saga.due() == set()
    saga.tell(Resume(**BY_ANNA))
    assert saga.due() == {("a", "compensation")}


@pytest.mark.parametrize("fact", [Pause(**BY_ANNA), Resume(**BY_ANNA)])
def test_pausing_or_resuming_twice_changes_nothing(fact: Fact) -> None:
    saga = talk(step("a"))
    saga.tell(Pause(**BY_ANNA))
    saga.tell(fact)
    assert saga.tell(fact).verdict is Verdict.REPEATED


# --- Retry ----------------------------------------------------------------------------------------


def test_s3_a_stuck_compensation_is_retried_with_all_its_attempts() -> None:
    saga = stuck()
    saga.tell(TryAgain(step="a", **BY_ANNA))
    assert saga.due() == {("a", "compensation")}
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPENSATED
    assert saga.state.step("a").compensation_attempts == 2


def test_a_step_after_the_pivot_is_retried_forward_with_all_its_attempts() -> None:
    saga = stopped_after_pivot()
    saga.tell(TryAgain(**BY_ANNA))
    assert saga.state.status is ExecutionStatus.RUNNING
    saga.fail("x", FailureKind.UNREACHABLE)
    assert saga.state.status is ExecutionStatus.RUNNING  # the second of two that count
    saga.pass_time(10)
    saga.succeed("x")
    assert saga.state.status is ExecutionStatus.COMPLETED


def test_a_retry_that_is_due_later_can_be_hurried() -> None:
    saga = talk(step("a", retry=Retry(backoff=50)))
    saga.fail("a", FailureKind.UNREACHABLE)
    decision = saga.tell(TryAgain(step="a", **BY_ANNA))
    assert [hint.step for hint in decision.hints] == ["a"]
    assert saga.due() == {("a", "action")}


def test_one_of_two_that_are_stuck_is_retried_and_the_other_stays_named() -> None:
    branches = (step(name, compensation_retry=ONCE) for name in "ab")
    saga = talk(Parallel(*branches), step("c"))
    saga.succeed("a")
    saga.succeed("b")
    saga.fail("c")
    saga.fail("a")
    saga.fail("b")
    saga.tell(TryAgain(step="a", **BY_ANNA))
    saga.succeed("a")
    assert saga.history[-1] == ev.SagaFailed(("b",))


@pytest.mark.parametrize(
    ("name", "says"), [(None, "No step has given up"), ("a", "nothing to try"), ("z", "no step")]
)
def test_there_is_nothing_to_retry_in_a_saga_that_goes_well(name: Any, says: str) -> None:
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    assert says in refused(saga, TryAgain(step=name, **BY_ANNA))


# --- Skip and resolve -----------------------------------------------------------------------------


def test_s3_a_skipped_step_lets_the_saga_complete() -> None:
    saga = stopped_after_pivot()
    saga.tell(Skip(step="x", changes={"told": True}, **BY_ANNA))
    assert saga.state.status is ExecutionStatus.COMPLETED
    assert saga.state.context["told"] is True
    assert saga.state.step("x").status == "skipped"


def test_s4_a_skipped_step_that_may_have_happened_is_undone_on_the_way_back() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=3, backoff=50)), step("b"))
    saga.fail("a", FailureKind.UNKNOWN)
    saga.tell(Skip(step="a", **BY_ANNA))
    saga.fail("b")
    assert saga.due() == {("a", "compensation")}


def test_a_step_can_be_skipped_before_it_is_reached_and_a_wait_while_it_waits() -> None:
    saga = talk(WaitFor("approval"), step("a"), step("b"))
    saga.tell(Skip(step="a", **BY_ANNA))
    saga.tell(Skip(step="approval", **BY_ANNA))
    assert saga.due() == {("b", "action")}


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda saga: saga.claim("a"), "is running"),
        (lambda saga: saga.succeed("a"), "has succeeded"),
    ],
)
def test_what_runs_or_is_done_is_not_skipped(prepare: Any, says: str) -> None:
    saga = talk(step("a"), step("b"))
    prepare(saga)
    assert says in refused(saga, Skip(step="a", **BY_ANNA))


def test_on_the_way_back_nothing_is_skipped() -> None:
    assert "turned back" in refused(stuck(), Skip(step="c", **BY_ANNA))


def test_s3_a_compensation_done_by_hand_ends_the_way_back() -> None:
    saga = stuck()
    saga.tell(Resolve(step="a", **BY_ANNA))
    assert saga.state.status is ExecutionStatus.COMPENSATED
    assert ev.StepResolved("a", COMPENSATION, **BY_ANNA) in saga.history


@pytest.mark.parametrize(
    ("decide", "due"), [("skip", ("x", "action")), ("resolve", ("a", "compensation"))]
)
def test_s7_a_person_says_what_became_of_a_pivot_in_doubt(
    decide: str, due: tuple[str, str]
) -> None:
    saga = talk(step("a"), step("p", pivot=True, undo=False), step("x", undo=False))
    saga.succeed("a")
    saga.give_up("p", FailureKind.UNKNOWN)
    assert saga.state.status is ExecutionStatus.FAILED
    assert "may have happened" in refused(saga, CANCEL)
    saga.tell({"skip": Skip, "resolve": Resolve}[decide](step="p", **BY_ANNA))
    assert saga.due() == {due}


def test_only_what_gave_up_is_resolved() -> None:
    assert "Only a step that gave up" in refused(talk(step("a")), Resolve(step="a", **BY_ANNA))
    assert "no way back" in refused(stopped_after_pivot(), Resolve(step="x", **BY_ANNA))


# --- The context ----------------------------------------------------------------------------------


def test_the_context_of_a_failed_saga_is_amended_and_read_by_the_next_attempt() -> None:
    saga = stuck()
    saga.tell(Amend(changes={"account": 2}, **BY_ANNA))
    assert saga.state.context["account"] == 2
    assert saga.state.status is ExecutionStatus.FAILED


def test_a_context_that_steps_read_is_not_amended() -> None:
    saga = talk(step("a"))
    assert "Pause it first" in refused(saga, Amend(changes={"a": 1}, **BY_ANNA))
    saga.tell(Pause(**BY_ANNA))
    assert saga.tell(Amend(changes={"a": 1}, **BY_ANNA)).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    "fact",
    [
        Pause(**BY_ANNA),
        TryAgain(**BY_ANNA),
        Skip(step="a", **BY_ANNA),
        Resolve(step="a", **BY_ANNA),
        Amend(changes={}, **BY_ANNA),
        Signal("a", None, "anna"),
    ],
)
def test_s3_the_end_absorbs(fact: Fact) -> None:
    saga = talk(step("a"))
    saga.succeed("a")
    assert refused(saga, fact)
