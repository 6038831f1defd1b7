"""Signals, sleeps, start times and deadlines, as conversations."""

from datetime import timedelta

import pytest

from sagas.machine import (
    Cancel,
    ExecutionStatus,
    Failed,
    FailureKind,
    Parallel,
    Saga,
    Signal,
    Sleep,
    Succeeded,
    Verdict,
    WaitFor,
    Woken,
    start,
    wake_at,
)
from sagas.machine import events as ev
from sagas.machine.wake import waits_for_signals
from sagas.testing import Conversation
from sagas.testing.conversation import START
from tests.machine.conversation import ACTION, BY_ANNA, failure, step, talk

PAID = Signal("paid", {"amount": 3}, "the bank")


def test_a_signal_moves_its_wait_on_and_is_in_the_context() -> None:
    saga = talk(WaitFor("paid"), step("a"))
    assert saga.state.status is ExecutionStatus.RUNNING
    assert saga.due() == set()
    decision = saga.tell(PAID)
    assert [hint.step for hint in decision.hints] == ["a"]
    assert saga.state.context == {"paid": {"amount": 3}}


def test_r13_a_signal_before_its_wait_is_kept() -> None:
    saga = talk(step("a"), WaitFor("paid"), step("b"))
    assert saga.tell(PAID).verdict is Verdict.ACCEPTED
    assert "paid" not in saga.state.context
    saga.succeed("a")
    assert saga.due() == {("b", "action")}
    assert saga.state.context == {"paid": {"amount": 3}}
    assert saga.state.options.signals == {}


@pytest.mark.parametrize("reached", [True, False])
def test_r13_a_signal_counts_once(reached: bool) -> None:
    saga = talk(*([] if reached else [step("a")]), WaitFor("paid"), step("b"))
    saga.tell(PAID)
    before = saga.state
    assert saga.tell(PAID).verdict is Verdict.REPEATED
    assert saga.state == before
    decision = saga.tell(Signal("paid", {"amount": 4}, "the bank"))
    assert decision.verdict is Verdict.REFUSED
    assert decision.reason == "A signal 'paid' came before, with another payload."
    assert saga.state == before


def test_r13_a_signal_after_the_timeout_is_refused() -> None:
    saga = talk(WaitFor("paid", timeout=10, on_timeout="continue"), step("b"))
    saga.pass_time(10)
    assert saga.due() == {("b", "action")}
    assert "is over" in saga.tell(PAID).reason
    assert saga.state.context == {}


def test_r13_a_signal_after_the_end_or_on_the_way_back_is_refused() -> None:
    saga = talk(step("a"), WaitFor("paid"))
    saga.succeed("a")
    saga.tell(Cancel(**BY_ANNA))
    assert "waits for nothing" in saga.tell(PAID).reason
    saga.succeed("a")
    assert "waits for nothing" in saga.tell(PAID).reason


def test_a_signal_that_nobody_waits_for_is_refused_and_told_what_is_waited_for() -> None:
    assert "Waits: paid" in talk(WaitFor("paid")).tell(Signal("aid", 1, "")).reason


def test_a_wait_that_fails_by_its_timeout_turns_the_saga_back() -> None:
    saga = talk(step("a"), WaitFor("paid", timeout=10))
    saga.succeed("a")
    assert wake_at(saga.state, saga.now, 0) == saga.now + timedelta(seconds=10)
    saga.pass_time(9.9)
    assert saga.state.status is ExecutionStatus.RUNNING
    saga.pass_time(0.1)
    assert saga.due() == {("a", "compensation")}


def test_l1_only_a_wait_without_a_timeout_is_looked_at_by_nobody() -> None:
    saga = talk(Parallel(WaitFor("paid"), step("a")))
    assert wake_at(saga.state, saga.now, 0) is not None
    assert not waits_for_signals(saga.state)
    saga.succeed("a")
    assert wake_at(saga.state, saga.now, 0) is None
    assert waits_for_signals(saga.state)


def test_a_wait_that_is_cancelled_is_as_if_never_reached() -> None:
    saga = talk(WaitFor("paid"), step("a"))
    saga.tell(Cancel(**BY_ANNA))
    assert saga.state.status is ExecutionStatus.COMPENSATED
    assert saga.statuses() == {"paid": "pending"}


def test_s10_a_signal_whose_key_a_branch_wrote_is_an_error_not_a_race() -> None:
    saga = talk(Parallel(WaitFor("paid"), step("a")), step("b"))
    saga.succeed("a", paid="by a")
    saga.tell(PAID)
    assert saga.due() == {("a", "compensation")}
    assert saga.state.context["paid"] == "by a"


def test_a_sleep_lasts_its_time_and_needs_no_worker() -> None:
    saga = talk(Sleep("cool", timedelta(minutes=5)), step("a"))
    assert wake_at(saga.state, saga.now, 0) == saga.now + timedelta(minutes=5)
    saga.pass_time(299)
    assert saga.due() == set()
    hinted = saga.pass_time(1).hints
    assert [hint.step for hint in hinted] == ["a"]


def test_a_saga_of_waits_alone_completes() -> None:
    saga = talk(Sleep("cool", 1), WaitFor("paid"))
    saga.tell(PAID)
    saga.pass_time(1)
    assert saga.state.status is ExecutionStatus.COMPLETED


# --- Start times and deadlines --------------------------------------------------------------------


def later(**times: object) -> Conversation:
    saga = Conversation(Saga("order", [step("a"), step("p", pivot=True), step("x", undo=False)]))
    started = ev.SagaStarted("s-1", "order", 1, {}, **times)  # type: ignore[arg-type]
    decision = start(saga.saga, started, START)
    saga.state, saga.history = decision.state, [started]
    assert decision.state.status is ExecutionStatus.PENDING
    return saga


def test_no_step_starts_before_start_at() -> None:
    saga = later(start_at=START + timedelta(hours=1))
    assert saga.due() == set()
    assert wake_at(saga.state, saga.now, 0) == START + timedelta(hours=1)
    saga.pass_time(3600)
    assert saga.due() == {("a", "action")}


def test_a_saga_past_its_deadline_turns_back_once_what_runs_has_settled() -> None:
    saga = later(deadline=START + timedelta(seconds=20), start_at=START)
    saga.tell(Woken())
    fence = saga.claim("a")
    assert wake_at(saga.state, saga.now, 0) == START + timedelta(seconds=20)
    saga.pass_time(20)
    assert saga.state.status is ExecutionStatus.COMPENSATING
    assert saga.due() == set()
    saga.tell(Succeeded("a", ACTION, fence, {}))
    assert saga.due() == {("a", "compensation")}


def test_s7_a_deadline_means_nothing_after_the_pivot() -> None:
    saga = later(deadline=START + timedelta(seconds=20), start_at=START)
    saga.tell(Woken())
    saga.succeed("a")
    fence = saga.claim("p")
    saga.pass_time(25)
    assert saga.state.status is ExecutionStatus.RUNNING
    saga.tell(Succeeded("p", ACTION, fence, {}))
    saga.pass_time(25)
    assert saga.due() == {("x", "action")}


def test_a_pivot_that_fails_past_the_deadline_turns_the_saga_back() -> None:
    saga = later(deadline=START + timedelta(seconds=20), start_at=START)
    saga.tell(Woken())
    saga.succeed("a")
    fence = saga.claim("p")
    saga.pass_time(25)
    saga.tell(Failed("p", ACTION, fence, failure(FailureKind.UNREACHABLE)))
    assert saga.due() == {("a", "compensation")}
