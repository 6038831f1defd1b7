"""R21: what is repeated to a queue that holds more than workers take at once, and when."""

from datetime import datetime, timedelta

from sagas.machine import (
    FailureKind,
    FullQueues,
    Hint,
    Parallel,
    Repetition,
    Retry,
    SagaStep,
    repetition,
    wake_at,
)
from sagas.machine.wake import LONGEST_REPEAT, PATIENCE
from sagas.testing import Conversation
from sagas.testing.conversation import START
from tests.machine.conversation import ACTION, COMPENSATION, nothing, step, talk

QUEUE = "the queue of a"
FULL: FullQueues = {("order", 1, "a", ACTION): QUEUE}


def promise(saga: Conversation) -> datetime:
    """When the transition that was just made promised the next look."""
    promised = wake_at(saga.state, saga.now, 0)
    assert promised is not None
    return promised


def look(
    saga: Conversation, promised: datetime, *, late: float = 0, full: FullQueues = FULL
) -> Repetition:
    """Somebody looks when that was promised, or `late` seconds after it."""
    saga.now = promised + timedelta(seconds=late)
    return repetition(saga.state, saga.now, promised, 0, full)


def look_soon_again(saga: Conversation) -> Repetition:
    """The queue was free for a moment, and who waited behind it was made due; now it is full."""
    return look(saga, saga.now + timedelta(seconds=1))


def test_r21_a_repeat_to_a_full_queue_is_put_off_until_that_is_free() -> None:
    saga = talk(step("a"))
    found = look(saga, promise(saga))
    assert found == Repetition((), START + PATIENCE, blocked_by_queue=QUEUE)


def test_l2_behind_two_full_queues_there_is_a_look_from_time_to_time() -> None:
    """It could only wait behind one of them, and the other might be free before."""
    saga = talk(Parallel(step("a"), step("b")))
    found = look(saga, promise(saga), full={**FULL, ("order", 1, "b", ACTION): "another"})
    assert found == Repetition((), saga.now + LONGEST_REPEAT)


def test_l2_steps_behind_one_full_queue_wait_together() -> None:
    saga = talk(Parallel(step("a"), step("b")))
    found = look(saga, promise(saga), full={**FULL, ("order", 1, "b", ACTION): QUEUE})
    assert found == Repetition((), START + PATIENCE, blocked_by_queue=QUEUE)


def test_l2_nobody_stands_still_for_longer_than_the_lease_of_an_ordinary_step() -> None:
    saga = talk(SagaStep("a", nothing))
    saga.claim("a")
    lease_until = saga.state.step("a").lease_until
    assert lease_until is not None
    assert lease_until - saga.now >= LONGEST_REPEAT


def test_r2_a_repeat_to_any_other_queue_is_sent() -> None:
    saga = talk(step("a"))
    elsewhere: FullQueues = dict.fromkeys(
        [("order", 2, "a", ACTION), ("order", 1, "a", COMPENSATION), ("order", 1, "b", ACTION)],
        QUEUE,
    )
    found = look(saga, promise(saga), full=elsewhere)
    assert found == Repetition((Hint("a", ACTION, 0),), saga.now + timedelta(seconds=5))


def test_r21_the_first_hint_of_a_retry_is_sent_to_a_full_queue_and_its_repeat_is_not() -> None:
    """Whoever scheduled it could send none: it was not due."""
    for late in (0, 0.3, 300):
        saga = talk(step("a"))
        saga.fail("a", FailureKind.UNREACHABLE)
        assert promise(saga) == START + timedelta(seconds=1), "its backoff"
        first = look(saga, promise(saga), late=late)
        assert first.hints == (Hint("a", ACTION, 1),)
        assert look_soon_again(saga).hints == ()


def test_r21_the_first_hint_of_a_retry_is_sent_though_its_sibling_was_looked_at_before() -> None:
    """The row was looked at since the retry was scheduled, and promised another time."""
    patient = Retry(max_attempts=2, backoff=90, cap=90, jitter=0)
    saga = talk(Parallel(step("a"), step("b", retry=patient)))
    saga.fail("b", FailureKind.UNREACHABLE)
    promised = promise(saga)
    looks: list[tuple[float, tuple[Hint, ...]]] = []
    while len(looks) < 5:
        found = look(saga, promised, full={**FULL, ("order", 1, "b", ACTION): QUEUE})
        looks.append(((saga.now - START).total_seconds(), found.hints))
        assert found.wake_at is not None
        promised = found.wake_at
    of_a, of_b = (Hint("a", ACTION, 0),), (Hint("b", ACTION, 1),)
    assert looks == [(5, ()), (90, of_b), (600, of_a), (690, of_b), (1200, of_a)]


def test_r21_a_lost_hint_is_repeated_every_ten_minutes_behind_a_queue_that_stays_full() -> None:
    for late in (0, 0.4, 7):
        saga = talk(step("a"))
        promised = promise(saga)
        told = []
        for _ in range(7):
            found = look(saga, promised, late=late)
            told += [(saga.now - START) // PATIENCE] if found.hints else []
            assert found.wake_at is not None
            assert found.wake_at > saga.now
            promised = found.wake_at
        assert told == [1, 2, 3, 4, 5, 6]


def test_r21_a_look_that_comes_hours_late_tells_once() -> None:
    saga = talk(step("a"))
    first = look(saga, promise(saga), late=4 * 3600)
    assert first.hints
    assert look_soon_again(saga).hints == ()


def test_r21_of_two_branches_only_the_one_with_the_full_queue_is_put_off() -> None:
    saga = talk(Parallel(step("a"), step("b")))
    found = look(saga, promise(saga))
    assert found == Repetition((Hint("b", ACTION, 0),), saga.now + timedelta(seconds=5), QUEUE)


def test_l1_what_is_put_off_does_not_hide_an_earlier_lease_or_due_time() -> None:
    saga = talk(Parallel(step("a"), step("b", timeout=10), step("c")))
    saga.claim("b")
    lease_until = saga.state.step("b").lease_until
    saga.fail("c", FailureKind.UNREACHABLE)
    due_at = saga.state.step("c").due_at
    assert due_at is not None
    found = look(saga, saga.now, full=FULL)
    assert found.wake_at == due_at
    later = look(
        saga, due_at + timedelta(seconds=1), full={**FULL, ("order", 1, "c", ACTION): QUEUE}
    )
    assert (later.hints, later.wake_at) == ((), lease_until)
