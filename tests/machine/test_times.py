"""Times that the context tells, and times that people move."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import DefinitionError, Pivot, Sleep, WaitFor
from sagas.machine import Reschedule, Skip, StepStatus, TryAgain, Verdict, agrees, fold
from sagas.testing import Conversation
from sagas.testing.conversation import START
from tests.machine.conversation import BY_ANNA, nothing, step, talk

LATER = (START + timedelta(seconds=100)).isoformat()


def check(saga: Conversation) -> None:
    assert agrees(fold(saga.history), saga.state), "S8"


@pytest.mark.parametrize(
    ("sleep", "context"),
    [
        (Sleep("s", until="at"), {"at": LATER}),
        (Sleep("s", until="order.at"), {"order": {"at": "2026-01-01T02:01:40+02:00"}}),
        (Sleep("s", seconds="wait"), {"wait": 100}),
        (Sleep("s", seconds="wait.s"), {"wait": {"s": 100.0}}),
    ],
)
def test_a_sleep_ends_when_the_context_says(sleep: Sleep, context: dict[str, Any]) -> None:
    saga = talk(sleep, step("z"), **context)
    saga.pass_time(99)
    assert saga.due() == set()
    saga.pass_time(1)
    assert saga.due() == {("z", "action")}
    check(saga)


def test_s13_what_the_context_says_is_read_when_the_sleep_begins() -> None:
    saga = talk(step("a"), Sleep("s", seconds="wait"), step("z"), wait=1000)
    saga.pass_time(50)
    saga.succeed("a", wait=10)
    saga.pass_time(10)
    assert saga.due() == {("z", "action")}


@pytest.mark.parametrize(
    "context", [{"at": "2025-12-31T00:00:00+00:00"}, {"at": START.isoformat()}]
)
def test_a_moment_that_has_passed_is_no_wait(context: dict[str, Any]) -> None:
    saga = talk(Sleep("s", until="at"), step("z"), **context)
    assert saga.due() == {("z", "action")}
    assert saga.statuses()["s"] == "succeeded"
    check(saga)


@pytest.mark.parametrize(
    ("sleep", "value", "says"),
    [
        (Sleep("s", until="at"), None, "'at' is None, and has to be ISO 8601"),
        (Sleep("s", until="at"), "tomorrow", "has to be ISO 8601"),
        (Sleep("s", until="at"), "2026-01-01T00:00:00", "with an offset"),
        (Sleep("s", until="at"), 5, "has to be ISO 8601"),
        (Sleep("s", until="at"), "9999-12-31T00:00:00+00:00", "within 36,525 days"),
        (Sleep("s", seconds="at"), "5", "has to be a number of seconds"),
        (Sleep("s", seconds="at"), True, "has to be a number of seconds"),
        (Sleep("s", seconds="at"), -1, "from 0"),
        (Sleep("s", seconds="at"), 1e15, "to 36,525 days"),
        (Sleep("s", seconds="nowhere"), 1, "is missing"),
        (WaitFor("s", timeout="at"), "x", "has to be a number of seconds"),
    ],
)
def test_a_time_that_is_none_fails_the_step(sleep: Any, value: object, says: str) -> None:
    saga = talk(step("a"), sleep, at=value)
    saga.succeed("a")
    failure = saga.state.step("s").failure
    assert failure is not None
    assert failure.error == "NoTime"
    assert says in failure.message
    assert saga.due() == {("a", "compensation")}
    check(saga)


def test_s7_after_the_pivot_a_person_corrects_the_time() -> None:
    saga = talk(Pivot("p", nothing), Sleep("s", seconds="wait"), step("z", undo=False))
    saga.succeed("p")
    assert saga.status == "failed"
    saga.tell(Skip(step="s", **BY_ANNA))
    assert saga.due() == {("z", "action")}


def test_a_wait_lasts_as_long_as_the_context_says() -> None:
    saga = talk(WaitFor("paid", timeout="days.s", on_timeout="continue"), step("z"), days={"s": 60})
    saga.pass_time(60)
    assert saga.due() == {("z", "action")}


def test_a_signal_that_came_before_needs_no_time() -> None:
    saga = talk(step("a"), WaitFor("paid", timeout="nowhere"), step("z"))
    saga.signal("paid", {"n": 1})
    saga.succeed("a")
    assert saga.due() == {("z", "action")}


# --- Moved by people ------------------------------------------------------------------------------


def move(saga: Conversation, name: str, seconds: float) -> Verdict:
    moment = START + timedelta(seconds=seconds)
    verdict = saga.tell(Reschedule(step=name, moment=moment, **BY_ANNA)).verdict
    check(saga)
    return verdict


def test_a_person_moves_the_end_of_a_sleep() -> None:
    saga = talk(Sleep("s", 100), step("z"))
    assert move(saga, "s", 50) is Verdict.ACCEPTED
    assert move(saga, "s", 50) is Verdict.REPEATED
    saga.pass_time(49)
    assert saga.due() == set()
    assert saga.state.step("s").status is StepStatus.WAITING
    assert move(saga, "s", 500) is Verdict.ACCEPTED
    saga.pass_time(200)
    assert saga.due() == set()
    assert move(saga, "s", 0) is Verdict.ACCEPTED
    assert saga.due() == {("z", "action")}, "what has come ends at once"


def test_a_person_moves_the_timeout_of_a_wait() -> None:
    saga = talk(WaitFor("paid", timeout=10), step("z"))
    assert move(saga, "paid", 1000) is Verdict.ACCEPTED
    saga.pass_time(500)
    saga.signal("paid")
    assert saga.due() == {("z", "action")}
    saga = talk(WaitFor("paid", on_timeout="continue"), step("z"))
    assert move(saga, "paid", 5) is Verdict.ACCEPTED, "it had none"
    saga.pass_time(5)
    assert saga.due() == {("z", "action")}


def test_a_person_moves_the_next_attempt_in_either_direction() -> None:
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    saga.fail("b", RuntimeError("down"))
    assert move(saga, "b", 500) is Verdict.ACCEPTED
    saga.pass_time(499)
    assert saga.due() == set()
    saga.cancel()
    saga.fail("b", RuntimeError("down"))
    assert move(saga, "b", 2000) is Verdict.ACCEPTED
    assert saga.state.step("b").status is StepStatus.COMPENSATION_SCHEDULED
    saga.pass_time(1501)
    saga.succeed("b")
    saga.succeed("a")
    assert saga.status == "compensated"


def test_to_retry_a_sleep_ends_it() -> None:
    saga = talk(Sleep("s", 100), step("z"))
    assert saga.tell(TryAgain(step="s", **BY_ANNA)).verdict is Verdict.ACCEPTED
    assert saga.due() == {("z", "action")}
    check(saga)


def test_what_waits_for_no_time_is_not_moved() -> None:
    saga = talk(WaitFor("paid"), step("z"))
    assert saga.tell(TryAgain(step="paid", **BY_ANNA)).verdict is Verdict.REFUSED
    assert move(saga, "z", 5) is Verdict.REFUSED
    assert move(saga, "nobody", 5) is Verdict.REFUSED
    saga.signal("paid")
    saga.claim("z")
    assert move(saga, "z", 5) is Verdict.REFUSED


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: Sleep("s"), "Give one of"),
        (lambda: Sleep("s", 5, until="at"), "Give one of"),
        (lambda: Sleep("s", seconds="a", until="b"), "Give one of"),
        (lambda: Sleep("s", until=""), "Name a key"),
        (lambda: Sleep("s", seconds=5), "Name a key"),  # type: ignore[arg-type]
        (lambda: Sleep("s", 0), "duration is 0"),
        (lambda: WaitFor("paid", timeout=""), "Name a key"),
    ],
)
def test_a_time_that_can_not_work_is_refused(write: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        write()
