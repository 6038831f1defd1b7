"""A process that is known to be dead: its claim, and no other, ends before its lease does."""

import pytest

from sagas.machine import (
    Direction,
    Effect,
    ExecutionStatus,
    FailureKind,
    Lost,
    Parallel,
    Retry,
    Succeeded,
    Verdict,
)
from sagas.machine import events as ev
from tests.machine.conversation import ACTION, COMPENSATION, step, talk


def test_r4_the_attempt_of_a_dead_process_is_possible_and_tried_again() -> None:
    saga = talk(step("a"))
    fence = saga.claim("a", holder="dead")
    assert saga.tell(Lost("a", ACTION, fence, "dead")).verdict is Verdict.ACCEPTED
    retrying = saga.history[-1]
    assert isinstance(retrying, ev.StepRetrying)
    assert (retrying.failure.kind, retrying.failure.error) == (FailureKind.UNKNOWN, "WorkerLost")
    assert retrying.effect is Effect.POSSIBLE
    assert not retrying.reported
    saga.pass_time(1)
    assert saga.due() == {("a", "action")}, "after its backoff, like any other"


def test_r4_a_compensation_of_a_dead_process_is_tried_again() -> None:
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    saga.fail("b")
    fence = saga.claim("a", holder="dead")
    assert saga.tell(Lost("a", COMPENSATION, fence, "dead")).verdict is Verdict.ACCEPTED
    saga.pass_time(3600)
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_r18_a_step_that_kills_its_process_gives_up_and_is_undone() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=1)))
    saga.tell(Lost("a", ACTION, saga.claim("a", holder="dead"), "dead"))
    assert saga.types()[-2:] == ["saga.compensating", "step.scheduled"]
    assert saga.due() == {("a", "compensation")}


def test_s5_the_turn_back_goes_on_once_the_last_action_is_known_to_be_dead() -> None:
    saga = talk(Parallel(step("a"), step("b")))
    fence = saga.claim("a", holder="dead")
    saga.fail("b")
    assert saga.due() == set(), "an action is in flight"
    saga.tell(Lost("a", ACTION, fence, "dead"))
    assert saga.due() == {("a", "compensation")}


@pytest.mark.parametrize(
    ("name", "direction", "newer", "holder"),
    [
        ("a", ACTION, 0, "another"),
        ("a", ACTION, 1, "dead"),
        ("a", ACTION, -1, "dead"),
        ("a", COMPENSATION, 0, "dead"),
        ("b", ACTION, 0, "dead"),
        ("no such step", ACTION, 0, "dead"),
    ],
)
def test_r20_a_report_of_another_claim_changes_nothing(
    name: str, direction: Direction, newer: int, holder: str
) -> None:
    saga = talk(step("a"), step("b"))
    fence = saga.claim("a", holder="dead")
    before = saga.state
    decision = saga.tell(Lost(name, direction, fence + newer, holder))
    assert (decision.verdict, decision.events, decision.hints) == (Verdict.REFUSED, (), ())
    assert saga.state == before


def test_a_claim_that_was_reported_or_shut_out_before_is_left_alone() -> None:
    saga = talk(step("a"), step("b"))
    fence = saga.claim("a", holder="dead")
    saga.tell(Succeeded("a", ACTION, fence, {}))
    assert saga.tell(Lost("a", ACTION, fence, "dead")).verdict is Verdict.REFUSED
    fence = saga.claim("b", holder="dead")
    saga.pass_time(3600)
    assert saga.types()[-1] == "step.retrying", "its lease has ended"
    assert saga.tell(Lost("b", ACTION, fence, "dead")).verdict is Verdict.REFUSED


def test_r5_a_result_of_a_process_that_was_taken_for_dead_is_late() -> None:
    saga = talk(step("a"))
    fence = saga.claim("a", holder="dead")
    assert saga.tell(Lost("a", ACTION, fence, "dead")).verdict is Verdict.ACCEPTED
    assert saga.tell(Lost("a", ACTION, fence, "dead")).verdict is Verdict.REFUSED
    assert saga.tell(Succeeded("a", ACTION, fence, {"x": 1})).verdict is Verdict.LATE
    assert saga.state.context == {}
