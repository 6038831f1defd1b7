"""A process that is known to be dead: its claim, and no other, ends before its lease does."""

from typing import Any

import pytest

from sagas.machine import (
    Claim,
    Direction,
    Effect,
    ExecutionStatus,
    FailureKind,
    Lost,
    Parallel,
    Progress,
    Retry,
    StepState,
    Succeeded,
    Verdict,
    event_from_json,
    event_to_json,
    fold,
)
from sagas.machine import events as ev
from tests.machine.conversation import ACTION, COMPENSATION, step, talk

Ended = ev.StepRetrying | ev.StepFailed


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


THREE = Retry(max_attempts=3, backoff=0)


def die(saga: Any, progress: Progress, *, together: bool) -> Any:
    """Its process dies with the claim of `a`; the event that tells of it."""
    saga.pass_time(10)
    fence = saga.claim("a", holder="dead", together=together)
    saga.tell(Lost("a", ACTION, fence, "dead", progress))
    return next(event for event in reversed(saga.history) if isinstance(event, Ended))


def test_s14_what_was_not_begun_counts_for_nothing_and_has_no_effect() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=1)))
    for number in range(4):
        ended = die(saga, Progress.NOT_BEGUN, together=True)
        assert (ended.type, ended.effect) == ("step.retrying", Effect.NONE)
        found = saga.state.step("a")
        assert (found.attempts, found.uncounted_attempts, found.alone) == (
            number + 1,
            number + 1,
            False,
        )
        assert found.due_at is not None
        assert found.due_at > saga.now, "no hot loop"


@pytest.mark.parametrize("progress", [Progress.RAN, Progress.UNKNOWN])
def test_s14_what_ran_beside_others_does_not_count_once_and_goes_alone(progress: Progress) -> None:
    """Its effect is possible all the same."""
    saga = talk(step("a", retry=Retry(max_attempts=2, backoff=0)))
    ended = die(saga, progress, together=True)
    assert (ended.counts, ended.alone, ended.effect) == (False, True, Effect.POSSIBLE)
    saga.pass_time(10)
    fence = saga.state.step("a").fence
    beside = saga.tell(Claim("a", ACTION, fence, "x", together=True))
    assert beside.verdict is Verdict.REFUSED, "with others"
    assert beside.events == ()
    for kind in ("step.retrying", "step.failed"):
        assert die(saga, progress, together=False).type == kind, "each counts that is alone"


def test_s14_r18_who_runs_when_its_process_dies_is_counted_and_goes_alone() -> None:
    saga = talk(step("a", retry=THREE))
    ended = die(saga, Progress.RUNNING, together=True)
    assert (ended.counts, ended.alone, ended.effect) == (True, True, Effect.POSSIBLE)
    assert die(saga, Progress.RUNNING, together=False).type == "step.retrying"
    assert die(saga, Progress.RUNNING, together=False).type == "step.failed"


def test_s14_an_ended_lease_beside_others_does_not_count() -> None:
    """The whole worker died: nobody knows whether it was begun."""
    saga = talk(step("a", retry=THREE))
    for together, counts, alone in ((True, False, True), (False, True, False)):
        saga.claim("a", holder="dead", together=together)
        saga.pass_time(3600)
        [*_, ended] = [event for event in saga.history if isinstance(event, ev.StepRetrying)]
        assert (ended.failure.error, ended.counts, ended.alone) == ("LeaseExpired", counts, alone)
    assert saga.state.step("a").alone, "from the first on"


def test_s14_what_may_be_called_once_only_is_never_called_again() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=1)))
    assert die(saga, Progress.RAN, together=True).type == "step.failed"


def test_s8_r15_what_tells_of_nothing_special_is_not_written() -> None:
    """Code that does not know of it reads such events, and such rows."""
    saga = talk(step("a", retry=THREE))
    die(saga, Progress.UNKNOWN, together=False)
    written = [event_to_json(event) for event in saga.history]
    assert not {"together", "counts", "alone"} & {name for data in written for name in data}
    assert not {"together", "alone"} & saga.state.step("a").to_json().keys()
    die(saga, Progress.RAN, together=True)
    events = [event_from_json(e.type, event_to_json(e)) for e in saga.history]
    assert fold(events) == saga.state
    kept = saga.state.step("a")
    assert StepState.from_json(kept.to_json()) == kept
