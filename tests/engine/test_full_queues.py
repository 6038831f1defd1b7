"""R21 on the real PostgreSQL: hints that a full queue needs no more of are put off, and cheaply."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import engine
from sagas.machine import Direction, Failure, FailureKind, Retry, Route, Saga, SagaStep
from sagas.models import SagaExecution
from sagas.store.executions import now
from tests.engine.driving import ORDER, claim, pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def saga(define: Any) -> Saga:
    retry = Retry(max_attempts=3, backoff=1, jitter=0)
    return define(Saga("shop", [SagaStep("reserve", lambda _: None, retry=retry)]))


def full() -> frozenset[Route]:
    return frozenset({("shop", 1, "reserve", Direction.ACTION)})


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
    assert timedelta() < now() + MINUTE - found.wake_at < timedelta(seconds=5)
    assert found.hints_sent == 0
    pass_time(execution_id, minutes=1)
    assert engine.wake(10) == 1
    assert [hint.step for hint in committed[-1].hints] == ["reserve"], "once the queue is not full"


def test_r21_to_put_many_off_takes_as_many_statements_as_one(saga: Saga) -> None:
    start_due(1)
    alone = statements_of_wake()
    start_due(40)
    assert statements_of_wake() == alone
    assert alone <= 5, "a look, a transaction's begin and end, a lock and an update"


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
    pass_time(execution_id, minutes=1)
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
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("SELECT FROM sagas_sagaexecution WHERE id = %s FOR UPDATE", [busy])
            assert engine.wake(10, full) == 2
            other.rollback()
    finally:
        other.close()
    assert row(busy).wake_at == before
    assert row(free).wake_at != before


def test_nobody_is_asked_for_queues_if_nothing_is_due(saga: Saga) -> None:
    engine.start("shop", ORDER)

    def fail() -> frozenset[Route]:
        raise AssertionError("asked")

    assert engine.wake(10, fail) == 0
