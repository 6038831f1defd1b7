"""R21 and L2 on the real PostgreSQL: hints that a full queue needs no more of are put off, and
cheaply, until it is free."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import engine
from sagas.engine import Queues
from sagas.machine import Direction, Failure, FailureKind, Retry, Saga, SagaStep
from sagas.models import SagaExecution
from sagas.moments import aware
from sagas.store import clock, due
from tests.engine.driving import ORDER, claim, pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = "the queue of reserve"
FULL = Queues(full={("shop", 1, "reserve", Direction.ACTION): QUEUE})


@pytest.fixture
def saga(define: Any) -> Saga:
    retry = Retry(max_attempts=3, backoff=1, jitter=0)
    return define(Saga("shop", [SagaStep("reserve", lambda _: None, retry=retry)]))


def full(_: Set[str]) -> Queues:
    return FULL


def free(_: Set[str]) -> Queues:
    return Queues(free={QUEUE})


def start_due(count: int) -> list[int]:
    """Executions whose only hint was sent a while ago."""
    ids = [engine.start("shop", ORDER).execution_id for _ in range(count)]
    for execution_id in ids:
        pass_time(execution_id, seconds=20)
    return ids


def test_r21_what_waits_in_a_full_queue_is_put_off_and_not_sent(saga: Saga, committed: Any) -> None:
    [execution_id] = start_due(1)
    told = len(committed)
    assert engine.wake(10, full) == 1
    assert len(committed) == told
    found = row(execution_id)
    assert found.wake_at is not None
    assert timedelta(minutes=9) < aware(found.wake_at) - clock.ask() < timedelta(minutes=10)
    assert (found.blocked_by_queue, found.hints_sent) == (QUEUE, 0)


def test_l2_what_waits_behind_a_queue_is_told_of_once_that_is_free(
    saga: Saga, committed: Any
) -> None:
    ids = start_due(2)
    assert engine.wake(10, full) == 2
    told = len(committed)
    asked = []

    def still_busy(waited_for: Set[str]) -> Queues:
        asked.append(waited_for)
        return Queues(free={"another"})

    assert engine.wake(10, still_busy) == 0, "neither full nor free: the hint may be in there"
    assert asked == [{QUEUE}]
    assert engine.wake(10, free) == 2
    assert [each.execution_id for each in committed[told:]] == ids
    assert [row(each).blocked_by_queue for each in ids] == ["", ""]
    assert engine.wake(10, free) == 0, "it was told of, and that is trusted"


def test_l2_a_queue_that_is_free_gets_no_more_than_one_look_asks_for(saga: Saga) -> None:
    ids = start_due(5)
    assert engine.wake(10, full) == 5
    assert engine.wake(2, free) == 2
    assert [row(each).blocked_by_queue for each in ids] == ["", "", QUEUE, QUEUE, QUEUE]


def test_l2_each_queue_that_somebody_waits_behind_is_asked_for(saga: Saga) -> None:
    ids = start_due(6)
    names = ["b", "c", "a", "", "c", "b"]
    for execution_id, name in zip(ids, names, strict=True):
        SagaExecution.objects.filter(pk=execution_id).update(blocked_by_queue=name)
    assert due.waited_for() == {"a", "b", "c"}


def test_l1_what_goes_on_waits_behind_nothing(saga: Saga) -> None:
    """Its hint was in the queue, after all."""
    [execution_id] = start_due(1)
    assert engine.wake(10, full) == 1
    work = claim(execution_id, "reserve")
    assert row(execution_id).blocked_by_queue == ""
    engine.succeed(work, work.run())
    assert due.waited_for() == set()


def test_l1_what_has_ended_in_old_code_is_not_made_due(saga: Saga) -> None:
    """Code that does not know of the column leaves it as it was."""
    [execution_id] = start_due(1)
    work = claim(execution_id, "reserve")
    engine.succeed(work, work.run())
    SagaExecution.objects.filter(pk=execution_id).update(blocked_by_queue=QUEUE)
    assert engine.wake(10, free) == 0
    found = row(execution_id)
    assert (found.blocked_by_queue, found.wake_at) == ("", None)


def test_r14_of_what_waits_somebody_else_is_at_work_on_nothing_is_touched(saga: Saga) -> None:
    [execution_id] = start_due(1)
    assert engine.wake(10, full) == 1
    before = row(execution_id).wake_at
    with held(execution_id):
        assert engine.wake(10, free) == 0
    assert (row(execution_id).blocked_by_queue, row(execution_id).wake_at) == (QUEUE, before)


def test_r21_to_put_many_off_takes_as_many_statements_as_one(saga: Saga) -> None:
    start_due(1)
    alone = statements_of_wake()
    start_due(40)
    assert statements_of_wake() == alone
    assert alone <= 6, "two looks, a transaction's begin and end, a lock and an update"


def statements_of_wake() -> int:
    with CaptureQueriesContext(connection) as captured:
        assert engine.wake(100, full) > 0
    return len(captured)


def test_r21_the_first_hint_of_a_due_retry_is_sent_to_a_full_queue(
    saga: Saga, committed: Any
) -> None:
    [execution_id] = start_due(1)
    engine.fail(claim(execution_id, "reserve"), Failure(FailureKind.UNREACHABLE, "Down", ""))
    assert committed[-1].hints == ()
    pass_time(execution_id, seconds=2)
    assert engine.wake(10, full) == 1
    assert [hint.fence for hint in committed[-1].hints] == [1]
    told = len(committed)
    pass_time(execution_id, seconds=10)
    assert engine.wake(10, full) == 0, "it will not have its turn soon"
    due.release(QUEUE, 1)
    assert engine.wake(10, full) == 1
    assert len(committed) == told, "its repeat is put off"


def test_r21_an_ended_lease_is_noticed_whatever_the_queues(saga: Saga, committed: Any) -> None:
    waiting, held = start_due(2)
    claim(held, "reserve")
    pass_time(held, hours=1)
    assert engine.wake(10, full) == 2
    assert row(held).steps["reserve"]["failure"]["error"] == "LeaseExpired"
    assert row(waiting).hints_sent == 0


def test_a_row_that_cannot_be_read_holds_up_no_others(saga: Saga, caplog: Any) -> None:
    ids = start_due(3)
    SagaExecution.objects.filter(pk=ids[1]).update(steps={"reserve": {"status": "no such status"}})
    assert engine.wake(10, full) == 3
    assert f"Execution {ids[1]} could not be woken" in caplog.text
    assert engine.wake(10, full) == 0, "all of them wait"


def test_r14_a_row_that_somebody_is_at_work_on_is_left_alone(saga: Saga) -> None:
    free, busy = start_due(2)
    before = row(busy).wake_at
    with held(busy):
        assert engine.wake(10, full) == 2
    assert row(busy).wake_at == before
    assert row(free).wake_at != before


@contextmanager
def held(execution_id: int) -> Iterator[None]:
    """Somebody else has the row's lock."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute(
                "SELECT FROM sagas_sagaexecution WHERE id = %s FOR UPDATE", [execution_id]
            )
            yield
            other.rollback()
    finally:
        other.close()


def test_nobody_is_asked_for_queues_if_nothing_is_due(saga: Saga) -> None:
    engine.start("shop", ORDER)

    def fail(_: Set[str]) -> Queues:
        raise AssertionError("asked")

    assert engine.wake(10, fail) == 0
