"""With however many finished executions: what the daily deletion reads is what it deletes."""

import json
from typing import Any

import pytest
from django.db import connection

from sagas import engine
from sagas.machine import Saga, SagaStep
from sagas.models import SagaExecution
from sagas.store import deletion
from tests.engine.driving import work_off
from tests.engine.test_deletion import MONTH, age, does, left

pytestmark = pytest.mark.django_db(transaction=True)


def reads(plan: dict[str, Any]) -> int:
    """The rows that a plan and those below it have read from tables and indexes."""
    passed_by = plan.get("Rows Removed by Filter", 0)
    own = plan["Actual Rows"] + passed_by if "Scan" in plan["Node Type"] else 0
    return int(own * plan["Actual Loops"]) + sum(map(reads, plan.get("Plans", [])))


def prune_reads() -> int:
    values = {"seconds": MONTH.total_seconds(), "limit": 10, "only_relayed": False, "among": None}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sagas_sagaexecution")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {deletion.LOCK_ENDED}", values)
        [found] = cursor.fetchone()
    [explained] = json.loads(found) if isinstance(found, str) else found
    return reads(explained["Plan"])


def test_r19_a_deletion_reads_nothing_where_nothing_is_old(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", does)]))
    engine.start_many("shop", [engine.NewSaga({"n": number}) for number in range(300)])
    work_off(committed)
    assert prune_reads() == 0
    some = list(SagaExecution.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    age(40, pk__in=some)
    assert 0 < prune_reads() < 60, "a few, whatever else has ended"
    assert engine.prune(MONTH, 10) == 3
    assert len(left()) == 297
