"""What a start costs, counted: round trips, and bytes of rows and events."""

from typing import Any

import pytest
from django.db import connection, transaction

from sagas import engine
from sagas.machine import Saga, SagaStep, WaitFor
from sagas.models import SagaExecution, SagaLock
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER
from tests.engine.round_trips import round_trips

pytestmark = pytest.mark.django_db(transaction=True)

BYTES = """
SELECT (SELECT sum(pg_column_size(one.*)) FROM sagas_sagaexecution AS one),
       (SELECT sum(pg_column_size(event.*)) FROM sagas_sagaevent AS event)
"""


def act(context: Any) -> dict[str, Any]:
    return {"reservation": "r-1"}


@pytest.fixture
def shop(define: Any) -> Saga:
    """Once its statements are prepared, as in any process that has started one before."""
    saga: Saga = define(Saga("shop", [SagaStep(f"step_{n}", act, act) for n in range(5)]))
    engine.start("shop", ORDER)
    engine.start_many("shop", [engine.NewSaga(ORDER)])
    SagaExecution.objects.all().delete()
    return saga


def test_a_start_in_the_callers_transaction_is_no_more(shop: Saga) -> None:
    with transaction.atomic():
        engine.start("shop", ORDER)
        with round_trips() as sent:
            engine.start("shop", ORDER)
        assert len(sent) <= 2, sent


COUNTS: dict[str, Any] = {
    "locks": {"locks": lambda _: ["till", "acme"]},
    "limits": {"limits": lambda _: {"till": 1, "acme": 5}},
    "both": {"locks": lambda _: ["till"], "limits": lambda _: {"acme": 5}},
}


@pytest.mark.parametrize("of", COUNTS)
def test_limits_cost_as_many_statements_and_rows_as_locks(
    of: str, define: Any, committed: Any
) -> None:
    """A start asks for its saga_id, guards the queues, looks at them and takes its places, around
    which there is a savepoint; an end looks, guards, leaves, and calls who comes next."""
    define(Saga("shop", [WaitFor("let_go")], **COUNTS[of]))
    engine.start("shop", ORDER, saga_id="s-1")
    with transaction.atomic(), round_trips() as starting:
        engine.start("shop", ORDER, saga_id="s-2")
    assert SagaLock.objects.count() == 4
    work_off(committed)
    with round_trips() as ending:
        engine.signal("s-1", "let_go", True)
    assert (len(starting), len(ending)) == (8, 9)


def test_a_hundred_starts_are_as_many_statements_as_one(shop: Saga) -> None:
    with round_trips() as sent:
        engine.start_many("shop", [engine.NewSaga({**ORDER, "n": n}) for n in range(100)])
    assert len(sent) <= 4, sent  # BEGIN and COMMIT


def test_what_a_saga_leaves_is_small(shop: Saga, committed: Any) -> None:
    """Of five steps, without its indexes: bytes that PostgreSQL counts are the same everywhere."""
    engine.start("shop", ORDER, saga_id="s-1")
    work_off(committed)
    with connection.cursor() as cursor:
        cursor.execute(BYTES)
        row, events = cursor.fetchone()
    print(f"row: {row} bytes, events: {events} bytes")
    assert row <= 1600
    assert events <= 3300
