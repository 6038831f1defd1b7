"""An attempt that could not even begin, or whose action said "not yet", costs no attempt."""

from datetime import timedelta

from sagas.machine import Cancel, ExecutionStatus, Failed, FailureKind, Pause, Retry, TryAgain
from sagas.machine import events as ev
from sagas.machine.state import StepState
from sagas.machine.states import Effect, StepStatus
from sagas.testing.conversation import START
from tests.machine.conversation import ACTION, BY_ANNA, failure, step, talk

LATER = FailureKind.LATER
SECONDS_UNTIL_TRIED = 5.0
"""What "within seconds" means for a service that has come back."""


def test_it_is_due_again_within_seconds_however_long_its_service_is_away() -> None:
    saga = talk(step("a"))
    for _ in range(50):
        saga.fail("a", LATER)
        due_at = saga.state.step("a").due_at
        assert due_at is not None
        wait = (due_at - saga.now).total_seconds()
        assert 0 < wait <= SECONDS_UNTIL_TRIED
        saga.pass_time(wait)
    assert saga.types().count("step.retrying") == 50
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPLETED


def test_it_is_due_again_when_the_action_said() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=1)))
    for wait in (30.0, 0.25, 86_400.0):
        fence = saga.claim("a")
        saga.tell(Failed("a", ACTION, fence, failure(LATER), wait=wait))
        assert saga.state.step("a").due_at == saga.now + timedelta(seconds=wait)
        assert not saga.due()
        saga.pass_time(wait)
    assert saga.state.step("a").uncounted_attempts == 3
    saga.succeed("a")
    assert saga.state.status is ExecutionStatus.COMPLETED


def test_only_a_later_has_a_say_in_when_it_is_due() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=2, backoff=7, jitter=0)))
    fence = saga.claim("a")
    saga.tell(Failed("a", ACTION, fence, failure(FailureKind.UNKNOWN), wait=30.0))
    assert saga.state.step("a").due_at == saga.now + timedelta(seconds=7)


def test_a_wait_past_the_policys_time_gives_up() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=None, max_elapsed=60)))
    fence = saga.claim("a")
    saga.tell(Failed("a", ACTION, fence, failure(LATER), wait=61.0))
    assert saga.state.step("a").status is StepStatus.FAILED


def test_all_attempts_are_left_when_the_service_comes_back() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=3, backoff=1, jitter=0)))
    for _ in range(4):
        saga.fail("a", LATER)
        saga.pass_time(SECONDS_UNTIL_TRIED)
    waits = []
    for _ in range(2):
        saga.fail("a", FailureKind.UNREACHABLE)
        due_at = saga.state.step("a").due_at
        assert due_at is not None
        waits.append(due_at - saga.now)
        saga.pass_time(10)
        saga.fail("a", LATER)  # and between two that count
        saga.pass_time(SECONDS_UNTIL_TRIED)
    assert waits == [timedelta(seconds=1), timedelta(seconds=2)]  # the backoff of those that count
    assert saga.due() == {("a", "action")}
    saga.fail("a", FailureKind.UNREACHABLE)
    assert saga.state.step("a").status is StepStatus.FAILED


def test_the_policys_time_ends_it_all_the_same() -> None:
    saga = talk(step("a", retry=Retry(max_attempts=None, max_elapsed=60)))
    for _ in range(100):
        if saga.state.step("a").status is not StepStatus.SCHEDULED:
            break
        saga.fail("a", LATER)
        saga.pass_time(SECONDS_UNTIL_TRIED)
    assert saga.state.step("a").status is StepStatus.FAILED
    assert 55 < (saga.now - START).total_seconds() < 70


def test_s4_it_had_no_effect_so_there_is_nothing_to_undo() -> None:
    saga = talk(step("a"), step("b"))
    saga.succeed("a")
    saga.fail("b", LATER)
    assert saga.state.step("b").effect is Effect.NONE
    saga.pass_time(SECONDS_UNTIL_TRIED)
    saga.fail("b", FailureKind.REJECTED)
    assert saga.due() == {("a", "compensation")}


def test_s4_what_an_earlier_attempt_may_have_done_is_not_forgotten() -> None:
    saga = talk(step("a"))
    saga.fail("a", FailureKind.UNKNOWN)
    saga.pass_time(10)
    saga.fail("a", LATER)
    assert saga.state.step("a").effect is Effect.POSSIBLE


def test_l1_a_compensation_is_held_back_as_well_and_counts_for_itself() -> None:
    saga = talk(step("a", compensation_retry=Retry(max_attempts=2, backoff=1, jitter=0)), step("b"))
    saga.fail("a", LATER)
    saga.pass_time(SECONDS_UNTIL_TRIED)
    saga.succeed("a")
    saga.fail("b")
    for _ in range(5):
        saga.fail("a", LATER)
        saga.pass_time(SECONDS_UNTIL_TRIED)
    saga.fail("a", FailureKind.UNREACHABLE)
    saga.pass_time(10)
    assert saga.due() == {("a", "compensation")}
    saga.fail("a", FailureKind.UNREACHABLE)
    assert saga.state.step("a").status is StepStatus.COMPENSATION_FAILED


def test_r11_one_that_turned_back_meanwhile_is_not_scheduled_again() -> None:
    saga = talk(step("a"))
    fence = saga.claim("a")
    saga.tell(Cancel(**BY_ANNA))
    saga.tell(Failed("a", ACTION, fence, failure(LATER)))
    assert saga.state.status is ExecutionStatus.COMPENSATED


def test_s1_a_late_word_of_it_changes_nothing() -> None:
    saga = talk(step("a"))
    fence = saga.claim("a")
    saga.tell(Failed("a", ACTION, fence, failure(LATER)))
    before = saga.state.step("a")
    saga.tell(Failed("a", ACTION, fence - 1, failure(LATER)))
    assert saga.state.step("a") == before


def test_a_person_can_hurry_it_and_pause_it() -> None:
    saga = talk(step("a"))
    saga.fail("a", LATER)
    saga.tell(TryAgain(step="a", **BY_ANNA))
    assert saga.due() == {("a", "action")}
    saga.tell(Pause(**BY_ANNA))
    assert not saga.due()


def test_s8_a_row_keeps_how_many_were_held_back() -> None:
    saga = talk(step("a"))
    saga.fail("a", LATER)
    state = saga.state.step("a")
    assert (state.attempts, state.uncounted_attempts) == (1, 1)
    assert StepState.from_json(state.to_json()) == state
    assert isinstance(saga.history[-1], ev.StepRetrying)
