"""Whatever below an execution needs a person is visible from its top (L4), at the cost of what
needs one, and not of what there is."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import engine, queries
from sagas.machine import (
    ExecutionStatus,
    Failure,
    FailureKind,
    ForEach,
    Parallel,
    Pivot,
    Saga,
    SagaStep,
    SubSaga,
)
from sagas.models import SagaExecution
from sagas.queries import attention
from sagas.registry import registry
from tests.engine.driving import claim, row

pytestmark = pytest.mark.django_db(transaction=True)

FAILED = ExecutionStatus.FAILED


def does(context: Any) -> None:
    """An action that changes nothing."""


def fail(execution_id: int, name: str) -> None:
    engine.fail(claim(execution_id, name), Failure(FailureKind.REJECTED, "SomeError", "no"))


def pk(saga_id: str) -> int:
    return SagaExecution.objects.get(saga_id=saga_id).pk


def listed(**wanted: Any) -> set[str]:
    page = queries.page(queries.Filter(**wanted), queries.OPERATOR)
    return {each.saga_id for each in page.executions}


def below(saga_id: str) -> list[str]:
    shown = queries.describe(queries.execution(saga_id, queries.OPERATOR))
    named = [each["saga_id"] for each in shown["attention"]]
    assert shown["attention_count"] >= len(named)
    return named


@pytest.fixture
def deep(define: Any) -> int:
    """Three levels, each past its pivot; what is lowest has failed."""
    define(Saga("low", [SagaStep("ring", does)]))
    define(Saga("middle", [Pivot("go", does), SubSaga("low")]))
    define(Saga("top", [Pivot("go", does), Parallel(SubSaga("middle"), SagaStep("other", does))]))
    execution_id = engine.start("top", {}, saga_id="t").execution_id
    engine.succeed(claim(execution_id, "go"), None)
    engine.succeed(claim(pk("t~middle"), "go"), None)
    fail(pk("t~middle~low"), "ring")
    return execution_id


def test_l4_a_child_that_failed_past_the_pivot_is_found_from_its_top(deep: int) -> None:
    engine.start("top", {}, saga_id="well")
    assert row(deep).status == "running"
    assert row(pk("t~middle~low")).status == "failed"
    assert listed(attention=True) == listed(status=FAILED) == {"t"}
    assert listed(attention=True, parent="t") == {"t~middle"}
    assert listed(status=FAILED, parent="t~middle") == {"t~middle~low"}
    assert listed(attention=False) == {"well"}
    for saga_id in ("t", "t~middle", "t~middle~low"):
        assert below(saga_id) == ["t~middle~low"]
    assert below("well") == []
    counts = queries.counts_of_attention()
    assert (counts.failed, counts.left_alone, counts.below) == (1, 0, 1)
    engine.skip("t~middle~low", "ring", by="anna", reason="called")
    assert listed(attention=True) == listed(status=FAILED) == set()
    assert queries.counts_of_attention() == attention.AttentionCounts(0, 0, 0)


def test_l4_nobody_acts_on_a_parent_because_its_child_failed(deep: int) -> None:
    """To be found is one thing, to be cancelled with all that failed another."""
    assert queries.targets(queries.Filter(status=FAILED), queries.OPERATOR).executions == []


def test_l4_items_are_named_up_to_a_limit_and_counted(define: Any) -> None:
    each = ForEach("pack", over="items", action=does)
    define(Saga("shop", [Pivot("go", does), each]))
    execution_id = engine.start("shop", {"items": list(range(30))}, saga_id="a_b").execution_id
    engine.start("shop", {"items": [1]}, saga_id="axb")
    engine.succeed(claim(execution_id, "go"), None)
    for number in range(25):
        fail(pk(f"a_b~pack.{number}"), "each")
    shown = queries.describe(queries.execution("a_b", queries.OPERATOR))
    assert len(shown["attention"]) == attention.MOST_NAMED
    assert shown["attention_count"] == 25
    assert shown["attention"][0] == {"saga_id": "a_b~pack.24", "reason": "failed, each gave up"}
    assert listed(attention=True) == {"a_b"}
    assert len(listed(attention=True, parent="a_b")) == 25


def test_l4_a_child_that_is_left_alone_is_found_from_its_top(define: Any) -> None:
    define(Saga("low", [SagaStep("ring", does)]))
    define(Saga("top", [SubSaga("low")]))
    engine.start("top", {}, saga_id="t")
    registry._sagas["low", 1] = Saga("low", [SagaStep("call", does)])
    assert listed(attention=True) == {"t"}
    assert listed(status=FAILED) == set()
    assert below("t") == below("t~low") == ["t~low"]
    assert queries.counts_of_attention() == attention.AttentionCounts(0, 1, 1)


def test_what_has_no_children_is_described_without_another_question(define: Any) -> None:
    define(Saga("shop", [SagaStep("a", does)]))
    engine.start("shop", {}, saga_id="s")
    found = queries.execution("s", queries.OPERATOR)
    with CaptureQueriesContext(connection) as captured:
        queries.describe(found)
    assert len(captured.captured_queries) == 1, "why it turned back"


# --- By an index ----------------------------------------------------------------------------------


def plan_of(sql: str, values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sagas_sagaexecution")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
        [found] = cursor.fetchone()
    [explained] = json.loads(found) if isinstance(found, str) else found
    return explained["Plan"]


def reads(plan: Any) -> int:
    """The rows of executions that a plan has read, also of those that it passed by."""
    passed_by = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    own = plan["Actual Rows"] + passed_by if plan.get("Relation Name") else 0
    return int(own * plan["Actual Loops"]) + sum(map(reads, plan.get("Plans", [])))


@pytest.fixture
def many(deep: int) -> None:
    """Beside the one in trouble, many that are not."""
    define = registry.add
    define(Saga("shop", [SagaStep("a", does)]))
    engine.start_many("shop", [engine.NewSaga({"n": number}) for number in range(3000)])


@pytest.mark.parametrize("wanted", [{"attention": True}, {"status": FAILED}], ids=str)
def test_a_list_of_what_needs_a_person_reads_nothing_else(many: None, wanted: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert listed(**wanted) == {"t"}
    for query in captured.captured_queries:
        assert reads(plan_of(query["sql"].replace("%", "%%"), None)) < 60, query["sql"]


def test_counts_and_kinds_read_nothing_else(many: None) -> None:
    assert reads(plan_of(attention.KINDS, None)) < 20
    assert reads(plan_of(attention.COUNTS, [[], [], []])) < 20
    assert queries.counts_of_attention().below == 1


def test_what_is_below_reads_nothing_else(many: None) -> None:
    top = SagaExecution.objects.get(saga_id="t").pk
    assert reads(plan_of(attention.BELOW, [top, [], [], [], top, "t~%"])) < 20
