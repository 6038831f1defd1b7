"""What no other conversation held; the mutation gate asked for it."""

from sagas.machine import ExecutionStatus, Failed, FailureKind, Pause, Resume, Retry, TryAgain
from tests.machine.conversation import ACTION, BY_ANNA, Conversation, failure, step, talk

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
