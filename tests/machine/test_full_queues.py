"""R21: what is repeated to a queue that holds more than workers take at once, and when."""

from datetime import datetime, timedelta

from sagas.machine import FailureKind, Hint, Parallel, Repetition, Retry, Route, repetition, wake_at
from sagas.machine.wake import LONGEST_REPEAT, PATIENCE
from tests.machine.conversation import ACTION, COMPENSATION, START, Conversation, step, talk

FULL: frozenset[Route] = frozenset({("order", 1, "a", ACTION)})


def promise(saga: Conversation) -> datetime:
    """When the transition that was just made promised the next look."""
    promised = wake_at(saga.state, saga.now, 0)
    assert promised is not None
    return promised


def look(
    saga: Conversation, promised: datetime, *, late: float = 0, full: frozenset[Route] = FULL
) -> Repetition:
    """Somebody looks when that was promised, or `late` seconds after it."""
    saga.now = promised + timedelta(seconds=late)
    return repetition(saga.state, saga.now, promised, 0, full)


def test_r21_a_repeat_to_a_full_queue_is_put_off_by_a_minute() -> None:
    saga = talk(step("a"))
    found = look(saga, promise(saga))
    assert found == Repetition((), saga.now + LONGEST_REPEAT)


def test_r2_a_repeat_to_any_other_queue_is_sent() -> None:
    saga = talk(step("a"))
    elsewhere: frozenset[Route] = frozenset(
        {("order", 2, "a", ACTION), ("order", 1, "a", COMPENSATION), ("order", 1, "b", ACTION)}
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
        assert first.wake_at is not None
        assert look(saga, first.wake_at).hints == ()


def test_r21_the_first_hint_of_a_retry_is_sent_though_its_sibling_was_looked_at_before() -> None:
    """The row was looked at since the retry was scheduled, and promised another time."""
    patient = Retry(max_attempts=2, backoff=90, cap=90, jitter=0)
    saga = talk(Parallel(step("a"), step("b", retry=patient)))
    saga.fail("b", FailureKind.UNREACHABLE)
    promised = promise(saga)
    looks: list[tuple[float, tuple[Hint, ...]]] = []
    while len(looks) < 4:
        found = look(saga, promised, full=FULL | {("order", 1, "b", ACTION)})
        looks.append(((saga.now - START).total_seconds(), found.hints))
        assert found.wake_at is not None
        promised = found.wake_at
    assert looks == [(5, ()), (65, ()), (90, (Hint("b", ACTION, 1),)), (150, ())]


def test_r21_a_lost_hint_is_repeated_every_ten_minutes_behind_a_queue_that_stays_full() -> None:
    for late in (0, 0.4, 7):
        saga = talk(step("a"))
        promised = promise(saga)
        told = []
        while saga.now < START + 6 * PATIENCE + LONGEST_REPEAT:
            found = look(saga, promised, late=late)
            if found.hints:
                told.append((saga.now - START) // PATIENCE)
            assert found.wake_at is not None
            assert found.wake_at > saga.now
            promised = found.wake_at
        assert told == [1, 2, 3, 4, 5, 6]


def test_r21_a_look_that_comes_hours_late_tells_once() -> None:
    saga = talk(step("a"))
    first = look(saga, promise(saga), late=4 * 3600)
    assert first.hints
    assert first.wake_at is not None
    assert look(saga, first.wake_at).hints == ()


def test_r21_of_two_branches_only_the_one_with_the_full_queue_is_put_off() -> None:
    saga = talk(Parallel(step("a"), step("b")))
    found = look(saga, promise(saga))
    assert found == Repetition((Hint("b", ACTION, 0),), saga.now + timedelta(seconds=5))


def test_l1_what_is_put_off_does_not_hide_an_earlier_lease_or_due_time() -> None:
    saga = talk(Parallel(step("a"), step("b", timeout=10), step("c")))
    saga.claim("b")
    lease_until = saga.state.step("b").lease_until
    saga.fail("c", FailureKind.UNREACHABLE)
    due_at = saga.state.step("c").due_at
    assert due_at is not None
    found = look(saga, saga.now, full=FULL)
    assert found.wake_at == due_at
    later = look(saga, due_at + timedelta(seconds=1), full=FULL | {("order", 1, "c", ACTION)})
    assert (later.hints, later.wake_at) == ((), lease_until)
