"""R15: the migration to limits on a running system, there and back, with the code before it.

The statements are those of `sagas/store/locks.py` before there were limits, word for word.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from sagas import engine
from sagas.machine import Saga, SagaStep, WaitFor
from sagas.models import SagaLock
from sagas.store import locks
from sagas.testing.workers import work_off
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)

HEADS: Final = """
SELECT DISTINCT ON (key) key, family_id FROM sagas_sagalock
WHERE key = ANY(%s) ORDER BY key, id
"""

JOIN: Final = """
INSERT INTO sagas_sagalock (key, execution_id, family_id)
SELECT unnest(%s::text[]), %s, %s
"""

MANY: Final = 2_000


def migrate(to: str) -> None:
    call_command("migrate", "sagas", to, verbosity=0)


@pytest.fixture
def forwards_again() -> Iterator[None]:
    yield
    call_command("migrate", "sagas", verbosity=0)


def nothing(context: Any) -> None:
    pass


@pytest.fixture(autouse=True)
def shop(define: Any) -> Saga:
    steps: list[Any] = [SagaStep("a", nothing, nothing), WaitFor("let_go")]
    return define(Saga("shop", steps, limits=lambda context: {"acme": context["most"]}))


def start(*most: int) -> list[int]:
    return [engine.start("shop", {"most": each}).execution_id for each in most]


def blocked(ids: list[int]) -> list[bool]:
    return [bool(row(id_).options.get("blocked")) for id_ in ids]


def test_r15_queues_stay_as_they_are_there_and_back(forwards_again: None, committed: Any) -> None:
    ids = start(1, 1, 1)
    migrate("0001")
    migrate("0002")
    again = SagaLock.objects.order_by("id").values_list("execution_id", "place", "most")
    assert [(id_, most) for id_, _, most in again] == [(id_, 1) for id_ in ids]
    for first, *others in (ids, ids[1:], ids[2:]):
        assert blocked([first, *others]) == [False] + [True] * len(others)
        work_off(committed)
        engine.signal(row(first).saga_id, "let_go", True)
        work_off(committed)
    assert not SagaLock.objects.exists()


def test_r15_what_the_code_before_it_writes_is_a_lock_at_the_end_of_the_queue() -> None:
    one, other, old = start(2, 2, 1)
    SagaLock.objects.filter(execution_id=old).delete()
    with connection.cursor() as cursor:
        cursor.execute(JOIN, [["acme"], old, old])
        cursor.execute(HEADS, [["acme"]])
        assert cursor.fetchall() == [("acme", one)], "for it, the first holds what is limited"
    places = SagaLock.objects.order_by("place").values_list("execution_id", "most")
    assert list(places) == [(one, 2), (other, 2), (old, 1)]
    assert blocked(start(9)) == [True]


def test_r15_the_migration_takes_moments_with_a_long_queue(forwards_again: None) -> None:
    [first] = start(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sagas_sagalock (key, execution_id, family_id)"
            " SELECT 'key:' || n, %s, %s FROM generate_series(1, %s) AS n",
            [first, first, MANY],
        )
    migrate("0001")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5s'")
        migrate("0002")
    assert SagaLock.objects.count() == MANY + 1
    assert not any(each.waits for each in locks.standing(first))
