"""What no other conversation held; the mutation gate and the property test asked for it."""

from datetime import timedelta

from sagas.machine import (
    Cancel,
    ExecutionStatus,
    Failed,
    FailureKind,
    ForEach,
    Parallel,
    Pause,
    Resume,
    Retry,
    Saga,
    Skip,
    Succeeded,
    TryAgain,
    Verdict,
    WaitFor,
    wake_at,
)
from sagas.testing import Conversation
from tests.machine.conversation import ACTION, BY_ANNA, failure, nothing, step, talk

UNREACHABLE = FailureKind.UNREACHABLE
TWICE = Retry(max_attempts=2, backoff=1, jitter=0)


def attempts_to_undo(saga: Conversation) -> int:
    """How often the compensation of `a` is tried before it gives up."""
    assert saga.due() == {("a", "compensation")}
    for attempts in range(1, 10):
        saga.fail("a", UNREACHABLE)
        if saga.state.status is ExecutionStatus.FAILED:
            return attempts
        saga.pass_time(60)
    raise AssertionError("it never gave up")


def test_r18_a_compensation_has_all_its_attempts_however_often_its_action_was_tried() -> None:
    patient = Retry(max_attempts=3, backoff=1, jitter=0)
    saga = talk(step("a", retry=patient, compensation_retry=TWICE), step("b"))
    for _ in range(2):
        saga.fail("a", UNREACHABLE)
        saga.pass_time(60)
    saga.succeed("a")
    saga.fail("b")
    assert attempts_to_undo(saga) == 2


def test_r18_what_a_person_forgave_an_action_is_not_forgiven_its_compensation() -> None:
    saga = talk(step("a", retry=TWICE, compensation_retry=TWICE), step("b"))
    saga.fail("a", UNREACHABLE)
    saga.pass_time(60)
    fence = saga.claim("a")
    saga.tell(Pause(**BY_ANNA))  # or its failure would turn the saga back
    saga.tell(Failed("a", ACTION, fence, failure(UNREACHABLE)))
    saga.tell(TryAgain(step="a", **BY_ANNA))
    saga.tell(Resume(**BY_ANNA))
    saga.succeed("a")
    saga.fail("b")
    assert attempts_to_undo(saga) == 2


def test_s4_what_a_person_reopened_is_undone_if_the_saga_turns_back_before_it_is_tried() -> None:
    saga = talk(step("a"), step("b", retry=Retry(max_attempts=1)))
    saga.succeed("a")
    fence = saga.claim("b")
    saga.tell(Pause(**BY_ANNA))
    saga.tell(Failed("b", ACTION, fence, failure(FailureKind.UNKNOWN)))
    saga.tell(TryAgain(step="b", **BY_ANNA))
    saga.tell(Cancel(**BY_ANNA))
    saga.tell(Resume(**BY_ANNA))
    assert saga.due() == {("b", "compensation")}
    saga.succeed("b")
    assert saga.due() == {("a", "compensation")}


def test_l1_a_late_report_does_not_hide_that_the_deadline_has_come() -> None:
    saga = Conversation(Saga("order", [step("a"), WaitFor("approval")], deadline=60))
    fence = saga.claim("a")
    saga.pass_time(50)
    saga.pass_time(5)
    saga.succeed("a")
    saga.now += timedelta(seconds=60)  # and nobody looks
    decision = saga.tell(Succeeded("a", ACTION, fence, {}))
    assert decision.verdict is Verdict.LATE
    assert saga.state.status is ExecutionStatus.COMPENSATING
    assert wake_at(saga.state, saga.now, 0) is not None


def test_s7_a_pivot_is_skipped_only_when_what_comes_before_it_is_done() -> None:
    """Skipped any earlier, it would leave the steps before it without a way back."""
    saga = talk(step("a"), step("p", pivot=True))
    decision = saga.tell(Skip(step="p", **BY_ANNA))
    assert (decision.verdict, decision.reason) == (
        Verdict.REFUSED,
        "Step p is the pivot, and steps before it are not done.",
    )
    saga.succeed("a")
    assert saga.tell(Skip(step="p", **BY_ANNA)).verdict is Verdict.ACCEPTED
    assert saga.state.status is ExecutionStatus.COMPLETED


def test_s10_a_branch_that_changes_the_list_whose_items_are_at_work_is_in_error() -> None:
    each = ForEach("each", over="items", action=nothing, compensation=nothing, max_concurrency=1)
    saga = talk(Parallel(each, step("b")), items=[1, 2, 3])
    saga.succeed("b", items=[1])
    failed = saga.state.step("b").failure
    assert failed is not None
    assert failed.kind is FailureKind.CONFLICT
    assert "changed the list whose items each is working on" in failed.message
