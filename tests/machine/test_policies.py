"""Policies: how long attempts are repeated, and what a preview of the way back says."""

from datetime import timedelta

import pytest

from sagas.machine import (
    PATIENT,
    Failed,
    FailureKind,
    Parallel,
    Pause,
    Pivot,
    Retry,
    Saga,
    SagaStep,
    WaitFor,
)
from sagas.machine.states import Direction
from sagas.testing import Conversation
from sagas.whatif import way_back
from tests.machine.conversation import ACTION, BY_ANNA, failure, nothing, step, talk


def test_no_attempt_begins_later_than_max_elapsed() -> None:
    policy = Retry(max_attempts=None, max_elapsed=25, backoff=10, factor=1, jitter=0)
    saga = talk(step("a", retry=policy))
    for _ in range(2):
        saga.fail("a", FailureKind.UNREACHABLE)
        saga.pass_time(10)
    saga.fail("a", FailureKind.UNREACHABLE)  # the next would be due after 30 s
    assert saga.state.step("a").status == "failed"


def test_an_error_that_the_policy_does_not_repeat_gives_up_at_once() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=5)))
    fact = Failed("a", ACTION, saga.claim("a"), failure(FailureKind.UNKNOWN), final=True)
    saga.tell(fact)
    assert saga.due() == {("a", "compensation")}


@pytest.mark.parametrize(
    ("policy", "error", "repeats"),
    [
        (Retry(), ValueError(), True),
        (Retry(on=(OSError,)), TimeoutError(), True),
        (Retry(on=(OSError,)), ValueError(), False),
        (Retry(never_on=(ValueError,)), ValueError(), False),
        (Retry(never_on=(ValueError,)), OSError(), True),
        (Retry(on=(OSError,), never_on=(TimeoutError,)), TimeoutError(), False),
    ],
)
def test_a_policy_names_the_errors_worth_another_attempt(
    policy: Retry, error: Exception, repeats: bool
) -> None:
    assert policy.repeats(error) is repeats


def test_compensations_and_steps_after_the_pivot_are_patient_for_a_day() -> None:
    after = SagaStep("x", nothing)
    saga = Saga("order", [SagaStep("a", nothing, nothing), Pivot("p", nothing), after])
    assert saga.policy(after, Direction.ACTION) is PATIENT
    assert saga.policy(saga.claimed_steps[0], Direction.COMPENSATION) is PATIENT
    assert saga.policy(saga.claimed_steps[0], Direction.ACTION).max_attempts == 5
    assert PATIENT.allows(10_000, timedelta(hours=23))
    assert not PATIENT.allows(1, timedelta(hours=25))


def test_a_step_that_may_be_atomic_leaves_no_trace_when_it_fails() -> None:
    saga = talk(step("a", atomic=True), step("b"))
    saga.give_up("a", FailureKind.UNKNOWN)
    assert saga.state.status == "compensated"
    assert saga.state.step("a").effect == "none"


# --- The preview ----------------------------------------------------------------------------------


def test_the_preview_says_what_a_cancel_undoes_and_changes_nothing() -> None:
    saga = talk(
        step("a"), Parallel(step("b"), [step("c"), step("d", undo=False)]), step("e"), step("f")
    )
    for name in "abc":
        saga.succeed(name)
    saga.succeed("d")
    saga.claim("e")
    before = saga.state
    found = way_back(saga.saga, saga.state, saga.now)
    assert found.settling == ("e",)
    assert [set(stage) for stage in found.stages] == [{"e"}, {"b", "c"}, {"a"}]
    assert saga.state is before


def test_the_preview_of_what_waits_is_paused_or_has_begun_nothing() -> None:
    saga = talk(step("a"), WaitFor("paid"))
    assert way_back(saga.saga, saga.state, saga.now).stages == ()
    saga.succeed("a")
    saga.tell(Pause(**BY_ANNA))
    found = way_back(saga.saga, saga.state, saga.now)
    assert (found.settling, found.stages) == ((), (("a",),))


def test_the_preview_of_a_saga_on_its_way_back_is_what_is_left_of_it() -> None:
    saga = talk(step("a"), step("b"), step("c"))
    saga.succeed("a")
    saga.succeed("b")
    saga.fail("c")
    saga.succeed("b")
    assert way_back(saga.saga, saga.state, saga.now).stages == (("a",),)


def test_s7_the_preview_says_why_there_is_no_way_back() -> None:
    saga = Conversation(Saga("order", [Pivot("p", nothing), step("x", undo=False)]))
    saga.succeed("p")
    assert "past its pivot" in way_back(saga.saga, saga.state, saga.now).refused
