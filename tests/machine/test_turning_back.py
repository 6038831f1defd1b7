"""The way back, as conversations; each test names the clause of the contract that it holds."""

import pytest

from sagas.machine import (
    Deadlocked,
    Effect,
    ExecutionStatus,
    Failed,
    FailureKind,
    Parallel,
    Retry,
    Succeeded,
    Verdict,
)
from sagas.machine import events as ev
from tests.machine.conversation import ACTION, failure, step, talk

REJECTED, UNREACHABLE, UNKNOWN = (
    FailureKind.REJECTED,
    FailureKind.UNREACHABLE,
    FailureKind.UNKNOWN,
)


def test_s6_a_refused_step_turns_the_saga_back_in_reverse_order() -> None:
    saga = talk(step("a"), step("b"), step("c"))
    saga.succeed("a")
    saga.succeed("b")
    saga.fail("c", REJECTED)
    assert saga.state.status is ExecutionStatus.COMPENSATING
    assert saga.due() == {("b", "compensation")}
    saga.succeed("b")
    assert saga.due() == {("a", "compensation")}
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPENSATED
    assert saga.statuses() == {"a": "compensated", "b": "compensated", "c": "failed"}


def test_one_that_turns_back_is_in_no_deadlock() -> None:
    """Its parent may have told it to in the very look that finds the deadlock."""
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    saga.fail("b", REJECTED)
    before = saga.state
    assert saga.tell(Deadlocked(failure(REJECTED))).verdict is Verdict.REFUSED
    assert saga.state is before


def test_s4_a_refused_step_is_not_compensated_and_one_without_compensation_is_passed_over() -> None:
    saga = talk(step("a", undo=False), step("b"))
    saga.succeed("a")
    saga.fail("b", REJECTED)
    assert saga.state.status is ExecutionStatus.COMPENSATED
    assert saga.statuses() == {"a": "succeeded", "b": "failed"}


def test_s4_an_unknown_attempt_is_compensated_though_the_next_was_refused() -> None:
    saga = talk(step("a"))
    saga.fail("a", UNKNOWN)
    saga.pass_time(10)
    saga.fail("a", REJECTED)
    assert saga.state.step("a").effect is Effect.POSSIBLE
    assert saga.due() == {("a", "compensation")}


def test_s4_attempts_that_reached_nobody_leave_nothing_to_undo() -> None:
    saga = talk(step("a"))
    saga.give_up("a", UNREACHABLE)
    assert saga.state.step("a").effect is Effect.NONE
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_s5_r9_compensation_waits_for_the_siblings_in_flight() -> None:
    saga = talk(step("a"), Parallel(step("b"), [step("c"), step("d")]))
    saga.succeed("a")
    running = saga.claim("c")
    saga.fail("b", REJECTED)
    assert saga.state.status is ExecutionStatus.COMPENSATING
    assert saga.due() == set(), "c has not settled"
    saga.tell(Succeeded("c", ACTION, running, {}))
    assert saga.due() == {("c", "compensation")}, "d was never started"
    saga.succeed("c")
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_r11_two_branches_that_fail_together_turn_back_once() -> None:
    saga = talk(step("a"), Parallel(step("b"), step("c")))
    saga.succeed("a")
    b, c = saga.claim("b"), saga.claim("c")
    saga.tell(Failed("b", ACTION, b, failure(REJECTED)))
    saga.tell(Failed("c", ACTION, c, failure(UNKNOWN)))
    assert saga.types().count("saga.compensating") == 1
    assert saga.statuses()["c"] == "compensation_scheduled", "no retry on the way back"


def test_a_step_in_backoff_is_withdrawn_and_undone_if_it_may_have_landed() -> None:
    saga = talk(Parallel(step("a"), step("b"), step("c")))
    saga.fail("b", UNKNOWN)
    saga.fail("a", REJECTED)
    assert saga.statuses() == {"a": "failed", "b": "compensation_scheduled", "c": "pending"}
    assert saga.due() == {("b", "compensation")}


def test_s6_parallel_branches_are_undone_in_parallel() -> None:
    saga = talk(Parallel([step("a"), step("b")], step("c")), step("z"))
    for name in ("a", "b", "c"):
        saga.succeed(name)
    saga.fail("z", REJECTED)
    assert saga.due() == {("b", "compensation"), ("c", "compensation")}
    saga.succeed("b")
    assert saga.due() == {("a", "compensation"), ("c", "compensation")}


def test_s6_a_compensation_that_gives_up_stops_no_other_and_needs_a_person() -> None:
    saga = talk(step("a"), step("b", compensation_retry=Retry(max_attempts=2)), step("c"))
    saga.succeed("a")
    saga.succeed("b")
    saga.fail("c", REJECTED)
    saga.give_up("b", UNREACHABLE)
    assert saga.due() == {("a", "compensation")}
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.FAILED
    assert saga.statuses() == {"a": "compensated", "b": "compensation_failed", "c": "failed"}
    assert saga.history[-1] == ev.SagaFailed(("b",)), "what is left is named"


def test_s7_after_the_pivot_there_is_no_way_back() -> None:
    saga = talk(
        step("a"), step("p", pivot=True), Parallel(step("x", undo=False), step("y", undo=False))
    )
    saga.succeed("a")
    saga.succeed("p")
    saga.fail("x", REJECTED)
    assert saga.state.status is ExecutionStatus.RUNNING
    assert saga.due() == {("y", "action")}, "its sibling goes on forward"
    saga.succeed("y")
    assert saga.state.status is ExecutionStatus.FAILED
    assert saga.history[-1] == ev.SagaFailed(("x",))
    assert "saga.compensating" not in saga.types()


@pytest.mark.parametrize(
    ("undo", "kind", "status"),
    [
        (False, REJECTED, ExecutionStatus.COMPENSATING),
        (False, UNKNOWN, ExecutionStatus.FAILED),
        (True, UNKNOWN, ExecutionStatus.COMPENSATING),
    ],
)
def test_s7_a_pivot_that_may_have_landed_and_cannot_be_undone_needs_a_person(
    undo: bool, kind: FailureKind, status: ExecutionStatus
) -> None:
    saga = talk(step("a"), step("p", undo=undo, pivot=True))
    saga.succeed("a")
    saga.give_up("p", kind)
    assert saga.state.status is status


def test_s10_two_branches_that_change_one_key_are_an_error() -> None:
    saga = talk(Parallel(step("a"), step("b")))
    saga.succeed("a", price=1)
    saga.succeed("b", price=2)
    assert saga.state.context == {"price": 1}
    assert saga.state.status is ExecutionStatus.COMPENSATING
    assert saga.state.step("b").failure.error == "ContextConflict"  # type: ignore[union-attr]
    assert saga.due() == {("a", "compensation"), ("b", "compensation")}, "its work was done"


def test_s10_what_compensations_say_of_their_work_does_not_undo_it() -> None:
    saga = talk(Parallel(step("a"), step("b")), step("z"))
    saga.succeed("a")
    saga.succeed("b")
    saga.fail("z", REJECTED)
    saga.succeed("a", undone_at=1)
    saga.succeed("b", undone_at=2)
    assert saga.state.status is ExecutionStatus.COMPENSATED
