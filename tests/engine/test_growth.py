"""What the table costs as it grows: a deletion reads what it deletes, and a step that runs on
writes no index."""

import json
from typing import Any, Final

import pytest
from django.db import connection

from sagas import engine
from sagas.machine import Direction, Saga, SagaStep
from sagas.models import SagaExecution
from sagas.store import deletion
from sagas.testing.workers import work_off
from tests.engine.test_deletion import MONTH, age, does, left
from tests.engine.test_fan_out import written

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


def updates() -> tuple[int, int]:
    """Of rows of executions: all, and those that wrote no index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables "
            "WHERE relname = 'sagas_sagaexecution'"
        )
        every, hot = cursor.fetchone()
        return every, hot


STEPS: Final = 5

BYTES: Final = 3000
"""Of write-ahead log for a step that runs on, its saga's start among it; 2,500 were measured."""


def run_one() -> None:
    started = engine.start("shop", {})
    work = engine.claim(started.execution_id, "step_0", Direction.ACTION, 0)
    while work is not None:
        work = engine.succeed(work, {"n": work.step}, lambda step, direction: True).next


@pytest.fixture
def five(define: Any) -> None:
    define(Saga("shop", [SagaStep(f"step_{number}", does) for number in range(STEPS)]))


def test_what_a_step_writes_is_bounded(five: None) -> None:
    rounds = []
    for _ in range(3):  # a checkpoint may fall into one: after it, whole pages are written
        before = written()
        for _ in range(20):
            run_one()
        rounds.append((written() - before) / (20 * STEPS))
    assert min(rounds) < BYTES


def test_a_step_that_runs_on_writes_no_index(five: None) -> None:
    before = updates()
    run_one()
    every, hot = (after - earlier for after, earlier in zip(updates(), before, strict=True))
    assert every == 6, "the first claim, and five reports"
    assert hot == 4, "all but those that change the status: it begins to run, and has ended"


def test_a_running_saga_without_a_parent_is_in_five_indexes() -> None:
    """A claim and the end of a saga write an entry into each: a tenth of such a transition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'sagas_sagaexecution'"
        )
        found = dict(cursor.fetchall())
    of_few = {name for name, sql in found.items() if " WHERE " in sql and name not in OF_RUNNING}
    assert found.keys() - of_few == OF_RUNNING


OF_RUNNING: Final = {
    "sagas_sagaexecution_pkey",
    "saga_execution_saga_id",
    "saga_execution_wake",
    "saga_execution_unrelayed",
    "saga_execution_live",
}
