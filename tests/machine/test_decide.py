"""The way forward, as conversations; each test names the clause of the contract that it holds."""

from datetime import timedelta

import pytest

from sagas.machine import (
    Cancel,
    Claim,
    Effect,
    ExecutionStatus,
    Fact,
    Failed,
    FailureKind,
    Parallel,
    Pause,
    Retry,
    Succeeded,
    Verdict,
    Woken,
    wake_at,
)
from sagas.machine import events as ev
from tests.machine.conversation import ACTION, BY_ANNA, COMPENSATION, failure, step, talk

REJECTED, UNREACHABLE, UNKNOWN = (
    FailureKind.REJECTED,
    FailureKind.UNREACHABLE,
    FailureKind.UNKNOWN,
)


def test_steps_run_in_order_and_add_to_the_context() -> None:
    saga = talk(step("a"), step("b"), order=1)
    assert saga.state.status is ExecutionStatus.PENDING
    assert saga.due() == {("a", "action")}
    saga.succeed("a", found=7)
    assert saga.state.status is ExecutionStatus.RUNNING
    assert saga.due() == {("b", "action")}
    saga.succeed("b", found=8)
    assert saga.state.status is ExecutionStatus.COMPLETED
    assert saga.state.context == {"order": 1, "found": 8}
    assert saga.due() == set()


def test_a_failed_attempt_is_repeated_after_its_backoff() -> None:
    saga = talk(step("a"))
    saga.fail("a", UNREACHABLE)
    assert saga.due() == set()
    saga.pass_time(0.999)
    assert saga.due() == set()
    saga.pass_time(0.001)
    assert saga.due() == {("a", "action")}
    assert saga.state.step("a").attempts == 1


def test_s1_r5_a_result_under_an_old_fence_is_recorded_and_changes_nothing() -> None:
    saga = talk(step("a"))
    old = saga.claim("a")
    saga.pass_time(3600)
    saga.pass_time(10)
    saga.claim("a")
    before = saga.state
    assert saga.tell(Succeeded("a", ACTION, old, {"x": 1})).verdict is Verdict.LATE
    assert saga.state.steps == before.steps
    assert saga.state.context == before.context
    assert saga.types()[-1] == "step.late"


def test_r12_a_success_after_the_lease_never_revives_the_step() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=1)))
    fence = saga.claim("a")
    saga.pass_time(3600)
    assert saga.due() == {("a", "compensation")}, "possible, so it is undone"
    assert saga.tell(Succeeded("a", ACTION, fence, {})).verdict is Verdict.LATE
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_r1_the_second_claim_of_one_hint_is_refused() -> None:
    saga = talk(step("a"))
    hint = saga.hint("a")
    assert saga.tell(Claim("a", ACTION, hint.fence, "one")).verdict is Verdict.ACCEPTED
    assert saga.tell(Claim("a", ACTION, hint.fence, "two")).verdict is Verdict.REFUSED
    assert saga.state.step("a").holder == "one"


def test_r6_a_claim_whose_commit_was_in_doubt_is_recognised() -> None:
    saga = talk(step("a"))
    claim = Claim("a", ACTION, saga.hint("a").fence, "one")
    saga.tell(claim)
    again = saga.tell(claim)
    assert again.verdict is Verdict.REPEATED
    assert again.events == ()
    assert saga.state.step("a").attempts == 1


@pytest.mark.parametrize("kind", [None, REJECTED, UNREACHABLE, UNKNOWN])
def test_r6_s2_a_report_whose_commit_was_in_doubt_counts_once(kind: FailureKind | None) -> None:
    saga = talk(step("a"), step("b"))
    fence = saga.claim("a")
    report = (
        Succeeded("a", ACTION, fence, {"n": 1})
        if kind is None
        else Failed("a", ACTION, fence, failure(kind))
    )
    saga.tell(report)
    before = saga.state
    again = saga.tell(report)
    assert (again.verdict, again.events) == (Verdict.REPEATED, ())
    assert saga.state == before


@pytest.mark.parametrize(
    "claim",
    [
        Claim("nobody", ACTION, 0, "w"),
        Claim("a", COMPENSATION, 0, "w"),
        Claim("a", ACTION, 7, "w"),
        Claim("b", ACTION, 0, "w"),
    ],
)
def test_r20_a_forged_claim_gets_nothing(claim: Claim) -> None:
    saga = talk(step("a"), step("b"))
    before = saga.state
    assert saga.tell(claim).verdict is Verdict.REFUSED
    assert saga.state == before


def test_r4_an_ended_lease_is_an_unknown_attempt_and_is_repeated() -> None:
    saga = talk(step("a", timeout=10))
    saga.claim("a")
    saga.pass_time(14.9)
    assert saga.statuses() == {"a": "running"}
    saga.pass_time(0.1)
    assert saga.statuses() == {"a": "scheduled"}
    assert saga.state.step("a").effect is Effect.POSSIBLE


def test_r18_a_step_that_kills_its_worker_each_time_gives_up() -> None:
    saga = talk(step("a"))
    for _ in range(2):
        saga.claim("a")
        saga.pass_time(3600)
        saga.pass_time(60)
    assert saga.state.status is ExecutionStatus.COMPENSATING
    assert saga.state.step("a").attempts == 2


def test_r14_two_wake_ups_of_one_ended_lease_count_once() -> None:
    saga = talk(step("a"))
    saga.claim("a")
    saga.pass_time(3600)
    after_one = saga.state
    saga.tell(Woken())
    assert saga.state == after_one


def test_r10_a_join_happens_once_when_the_last_branch_ends() -> None:
    saga = talk(Parallel(step("a"), [step("b"), step("c")]), step("z"))
    assert saga.due() == {("a", "action"), ("b", "action")}
    saga.succeed("a")
    saga.succeed("b")
    assert saga.due() == {("c", "action")}
    saga.succeed("c")
    assert saga.due() == {("z", "action")}
    scheduled = [event for event in saga.history if isinstance(event, ev.StepScheduled)]
    assert [event.step for event in scheduled] == ["a", "b", "c", "z"]


def test_a_retry_without_a_backoff_is_hinted_at_once() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=2, backoff=0)))
    told = saga.fail("a", UNREACHABLE).hints
    assert [hint.step for hint in told] == ["a"]


def test_s3_a_terminal_execution_absorbs_what_comes_late() -> None:
    saga = talk(step("a"))
    fence = saga.claim("a")
    saga.pass_time(3600)
    saga.pass_time(60)
    saga.succeed("a")
    before = saga.state
    saga.tell(Failed("a", ACTION, fence, failure(UNKNOWN)))
    saga.tell(Woken())
    assert (saga.state.status, saga.state.steps) == (before.status, before.steps)


def test_l1_r21_hints_are_repeated_at_growing_intervals() -> None:
    saga = talk(step("a"))
    waits = [wake_at(saga.state, saga.now, sent) - saga.now for sent in range(9)]  # type: ignore[operator]
    assert waits == [timedelta(seconds=min(5 * 2**n, 30)) for n in range(9)]


def test_l1_the_earliest_lease_or_due_time_wakes() -> None:
    saga = talk(Parallel(step("a", timeout=60), step("b")))
    saga.claim("a")
    saga.fail("b", UNREACHABLE)
    assert wake_at(saga.state, saga.now, 0) == saga.now + timedelta(seconds=1)
    assert wake_at(saga.state, saga.now + timedelta(seconds=2), 0) == saga.now + timedelta(
        seconds=7
    )


def test_r2_a_wake_up_repeats_every_hint_and_a_report_only_gives_new_ones() -> None:
    saga = talk(Parallel([step("a"), step("c")], step("b")))
    told = saga.succeed("a").hints
    assert [hint.step for hint in told] == ["c"]
    assert {hint.step for hint in saga.tell(Woken()).hints} == {"b", "c"}


def test_r21_two_decisions_as_one_send_no_hint_that_the_second_has_overtaken() -> None:
    saga = talk(step("a"), Parallel(step("b"), step("c"), step("d")))
    first = saga.succeed("a")
    assert [hint.step for hint in first.hints] == ["b", "c", "d"]
    second = saga.tell(Claim("b", ACTION, 0, "worker"))
    both = first.then(second)
    assert [hint.step for hint in both.hints] == ["c", "d"]
    assert (both.state, both.events) == (second.state, first.events + second.events)
    assert first.then(saga.tell(Woken())).hints == both.hints, "told of twice, sent once"


@pytest.mark.parametrize("fact", [Cancel(**BY_ANNA), Pause(**BY_ANNA)])
def test_r21_a_hint_for_what_the_next_decision_takes_back_is_not_sent(fact: Fact) -> None:
    saga = talk(step("a"), step("b"))
    first = saga.succeed("a")
    assert [hint.step for hint in first.hints] == ["b"]
    both = first.then(saga.tell(fact))
    assert ("b", ACTION) not in {(hint.step, hint.direction) for hint in both.hints}


def test_r21_a_step_that_failed_since_its_hint_is_told_of_under_its_new_fence() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=2, backoff=0)))
    first = saga.pass_time(0)
    assert [hint.fence for hint in first.hints] == [0]
    both = first.then(saga.fail("a", UNREACHABLE))
    assert [hint.fence for hint in both.hints] == [1]
