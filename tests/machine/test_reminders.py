"""Reminders of a wait, as conversations: when each is due, and when none is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sagas.machine import (
    Cancel,
    DefinitionError,
    ExecutionStatus,
    Failure,
    FailureKind,
    FirstOf,
    Parallel,
    Pause,
    Remind,
    Reminded,
    Repeat,
    Reschedule,
    Resume,
    Saga,
    Signal,
    Sleep,
    TryAgain,
    Verdict,
    WaitFor,
    due_reminders,
    event_to_json,
    fold,
    wake_at,
)
from sagas.machine import events as ev
from sagas.machine.wake import waits_for_signals
from sagas.testing import Conversation
from sagas.whatif.compatibility import at_steps
from sagas.whatif.rehearsal import goes_back, goes_forward
from tests.machine.conversation import ACTION, BY_ANNA, step, talk

EVERY = 100
PAID = Signal("payment", True, "the bank")


def wait(**options: Any) -> WaitFor:
    options = {"remind": Remind("letter", every=EVERY, most=3)} | options
    return WaitFor("payment", **options)


def look(saga: Conversation, seconds: float) -> list[int]:
    """Time goes by and somebody looks, and starts what is due; the reminders that this made."""
    before = len(saga.history)
    saga.pass_time(seconds)
    for name in due_reminders(saga.state, saga.now):
        assert saga.tell(Reminded(name)).verdict is Verdict.ACCEPTED
    assert fold(saga.history) == saga.state, "S8"
    return [e.number for e in saga.history[before:] if isinstance(e, ev.StepReminded)]


def test_a_wait_reminds_every_so_often_and_so_many_times() -> None:
    saga = talk(wait())
    assert look(saga, EVERY - 1) == []
    assert [look(saga, seconds) for seconds in (1, EVERY, EVERY, EVERY, 10 * EVERY)] == [
        [1],
        [2],
        [3],
        [],
        [],
    ]
    assert saga.state.status is ExecutionStatus.RUNNING


def test_l1_somebody_looks_at_the_earlier_of_reminder_and_timeout() -> None:
    saga = talk(wait(timeout=EVERY * 2.5))
    begun = saga.now
    seen = []
    while saga.state.status is ExecutionStatus.RUNNING:
        moment = wake_at(saga.state, saga.now, 0)
        assert moment is not None
        seen.append((moment - begun).total_seconds())
        look(saga, (moment - saga.now).total_seconds())
    assert seen == [EVERY, EVERY * 2, EVERY * 2.5]
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_l1_after_the_last_reminder_nobody_has_to_look_any_more() -> None:
    saga = talk(wait())
    for _ in range(3):
        assert not waits_for_signals(saga.state)
        look(saga, EVERY)
    assert waits_for_signals(saga.state)
    assert wake_at(saga.state, saga.now, 0) is None


def test_l1_a_reminder_that_is_due_and_was_not_started_is_looked_at_again() -> None:
    saga = talk(wait())
    saga.pass_time(EVERY)
    moment = wake_at(saga.state, saga.now, 0)
    assert moment is not None
    assert timedelta(0) < moment - saga.now < timedelta(minutes=1)


def test_what_came_due_while_nobody_looked_is_one_reminder() -> None:
    saga = talk(wait())
    assert look(saga, EVERY * 2.9) == [1]
    assert look(saga, EVERY - 1) == []
    assert look(saga, 1) == [2]


def test_a_paused_saga_reminds_nobody_and_makes_up_for_nothing() -> None:
    saga = talk(wait())
    saga.tell(Pause(**BY_ANNA))
    assert look(saga, EVERY * 2.5) == []
    assert saga.tell(Reminded("payment")).verdict is Verdict.REFUSED
    assert wake_at(saga.state, saga.now, 0) is None
    saga.tell(Resume(**BY_ANNA))
    assert wake_at(saga.state, saga.now, 0) is not None
    assert look(saga, 0) == [1]
    assert look(saga, EVERY - 1) == []
    assert look(saga, 1) == [2]


@pytest.mark.parametrize("fact", [PAID, Cancel(**BY_ANNA)])
def test_after_the_wait_there_is_no_reminder(fact: Any) -> None:
    saga = talk(step("a"), wait(), step("b"))
    saga.succeed("a")
    look(saga, EVERY)
    saga.tell(fact)
    assert look(saga, EVERY * 5) == []
    assert saga.tell(Reminded("payment")).verdict is Verdict.REFUSED
    assert saga.state.step("payment").remind_at is None


def test_a_timeout_at_the_same_time_comes_first() -> None:
    saga = talk(wait(timeout=EVERY, on_timeout="continue"), step("b"))
    assert look(saga, EVERY) == []
    assert saga.due() == {("b", "action")}


def test_r9_a_saga_that_turns_back_reminds_nobody() -> None:
    saga = talk(Parallel(wait(), step("a")))
    saga.fail("a")
    assert saga.state.status is ExecutionStatus.COMPENSATED
    assert look(saga, EVERY * 2) == []


def test_a_signal_that_was_there_before_its_wait_leaves_nothing_to_remind_of() -> None:
    saga = talk(step("a"), wait(), step("b"))
    saga.tell(PAID)
    saga.succeed("a")
    assert look(saga, EVERY * 2) == []


def test_a_wait_that_lost_against_another_reminds_nobody() -> None:
    saga = talk(FirstOf("end", wait(), Sleep("month", EVERY * 1.5)), step("b"))
    assert look(saga, EVERY) == [1]
    assert look(saga, EVERY) == []
    assert saga.state.context["end"] == "month"


def test_a_wait_that_collects_reminds_until_it_has_enough() -> None:
    saga = talk(wait(collect=True, most=2))
    saga.tell(PAID)
    assert look(saga, EVERY) == [1]
    saga.tell(PAID)
    assert saga.state.status is ExecutionStatus.COMPLETED
    assert look(saga, EVERY) == []


def test_to_move_the_timeout_moves_no_reminder() -> None:
    saga = talk(wait(timeout=EVERY * 1.5))
    look(saga, EVERY / 2)
    later = saga.now + timedelta(seconds=EVERY * 9)
    saga.tell(Reschedule(step="payment", moment=later, **BY_ANNA))
    assert look(saga, EVERY / 2) == [1]
    assert saga.state.step("payment").due_at == later
    assert look(saga, EVERY) == [2]


def test_a_wait_that_is_tried_again_goes_on_counting() -> None:
    """Another reminder of the same number would have the same id."""
    saga = talk(wait(timeout=EVERY * 2.5))
    [started, *others] = saga.history
    assert isinstance(started, ev.SagaStarted)
    saga.history = [replace(started, forward_only=True), *others]  # its parent is past its pivot
    saga.state = fold(saga.history)
    assert [look(saga, EVERY) for _ in range(3)] == [[1], [2], []]
    assert saga.state.status is ExecutionStatus.FAILED
    saga.tell(TryAgain(**BY_ANNA))
    assert saga.statuses() == {"payment": "waiting"}
    assert [look(saga, EVERY) for _ in range(3)] == [[3], [], []]
    assert saga.state.status is ExecutionStatus.FAILED
    saga.tell(TryAgain(**BY_ANNA))
    assert saga.state.step("payment").remind_at is None, "there were three"


def test_r2_a_reminder_counts_once() -> None:
    saga = talk(wait())
    look(saga, EVERY)
    before = saga.state
    assert saga.tell(Reminded("payment")).verdict is Verdict.REFUSED
    assert saga.state == before


def test_a_reminder_that_could_not_be_started_counts_and_the_wait_goes_on() -> None:
    saga = talk(wait())
    saga.pass_time(EVERY)
    failure = Failure(FailureKind.REJECTED, "UnknownSaga", "There is none.")
    saga.tell(Reminded("payment", failure))
    assert saga.history[-1] == ev.StepReminded(
        "payment", ACTION, 1, saga.now + timedelta(seconds=EVERY), failure
    )
    assert look(saga, EVERY) == [2]
    saga.tell(PAID)
    assert saga.state.status is ExecutionStatus.COMPLETED


def test_s12_reminders_are_a_policy_and_may_change_while_sagas_wait() -> None:
    plain, reminding = Saga("order", [WaitFor("payment")]), Saga("order", [wait()])
    assert plain.digest == reminding.digest
    saga = Conversation(reminding)
    saga.pass_time(EVERY)
    assert not list(at_steps(plain, saga.state, reminding.digest))
    saga.saga = plain
    saga.tell(Reminded("payment"))
    assert saga.state.step("payment").remind_at is None
    assert waits_for_signals(saga.state)


@pytest.mark.parametrize("timeout", [None, EVERY * 5])
def test_a_rehearsal_is_not_held_up_by_reminders(timeout: float | None) -> None:
    saga = talk(step("a"), wait(timeout=timeout), step("b"))
    saga.succeed("a")
    saga.pass_time(EVERY)
    assert not goes_forward(saga.saga, saga.state, saga.now)
    assert not goes_back(saga.saga, saga.state, saga.now)


def test_r15_a_wait_without_reminders_writes_what_it_always_wrote() -> None:
    saga = talk(WaitFor("payment", timeout=10))
    [waiting] = [event for event in saga.history if isinstance(event, ev.StepWaiting)]
    assert "remind_at" not in event_to_json(waiting)
    assert not {"remind_at", "reminded"} & saga.state.step("payment").to_json().keys()


@pytest.mark.parametrize(
    ("parameter", "options"),
    [
        ("remind.saga", {"saga": "no name"}),
        ("remind.saga", {"saga": None}),
        ("remind.every", {"every": 59}),
        ("remind.every", {"every": 0}),
        ("remind.every", {"every": "daily"}),
        ("remind.most", {"most": 0}),
        ("remind.most", {"most": 101}),
        ("remind.most", {"most": 2.0}),
        ("remind.most", {"most": True}),
    ],
)
def test_a_reminder_that_can_not_be_is_refused(parameter: str, options: dict[str, Any]) -> None:
    given: dict[str, Any] = {"saga": "letter", "every": 60, "most": 100} | options
    with pytest.raises(DefinitionError, match=rf"Step 'payment': (the )?{parameter} ") as caught:
        WaitFor("payment", remind=Remind(given.pop("saga"), **given))
    assert repr(options.popitem()[1]) in str(caught.value)


def test_a_reminder_says_how_it_is_written() -> None:
    with pytest.raises(DefinitionError, match=r"remind is 'letter'. Use Remind\('the saga'"):
        WaitFor("payment", remind="letter")  # type: ignore[arg-type]


@pytest.mark.parametrize("is_in_rounds", [False, True])
def test_a_saga_reminds_by_another_saga(is_in_rounds: bool) -> None:
    own: Any = WaitFor("payment", remind=Remind("order", every=60, most=1))
    if is_in_rounds:
        own = Repeat("months", [own], until="over", most=2)
    with pytest.raises(DefinitionError, match=r"step 'payment': remind.saga is 'order'. That is"):
        Saga("order", [own])
