"""Tags: what a starter finds its executions by again."""

from typing import Any

import pytest

from sagas import engine, queries
from sagas.errors import BadInput
from sagas.inputs import MOST_TAGS
from sagas.machine import Saga, SagaStep, SubSaga
from sagas.models import SagaExecution
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)


def nothing(context: Any) -> None:
    return None


def found(*tags: str) -> list[str]:
    page = queries.page(queries.Filter(tags=tags), queries.OPERATOR)
    return [each.saga_id for each in page.executions]


def test_executions_are_found_by_all_of_their_tags(define: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)]))
    engine.start("shop", {}, saga_id="plain")
    engine.start("shop", {}, saga_id="one", tags=["vip"])
    started = engine.start("shop", {}, saga_id="two", tags=["vip", "eu", "vip"])
    assert (found("vip"), found("vip", "eu"), found("us")) == (["two", "one"], ["two"], [])
    assert queries.summary(row(started.execution_id))["tags"] == ["vip", "eu"]


def test_s11_tags_are_no_part_of_the_input(define: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)]))
    first = engine.start("shop", {}, saga_id="s", tags=["vip"])
    again = engine.start("shop", {}, saga_id="s", tags=["other"])
    assert (again.execution_id, again.created) == (first.execution_id, False)
    assert row(first.execution_id).tags == ["vip"]


def test_children_have_none(define: Any) -> None:
    """They are found through their parent."""
    define(Saga("ship", [SagaStep("pack", nothing)]))
    define(Saga("shop", [SubSaga("ship")]))
    started = engine.start("shop", {}, tags=["vip"])
    assert SagaExecution.objects.get(parent_id=started.execution_id).tags == []


@pytest.mark.parametrize(
    "tags",
    ["vip", [""], ["a b"], ["ä"], ["a" * 65], ["-a"], [1], [str(n) for n in range(MOST_TAGS + 1)]],
)
def test_what_is_no_tag_is_refused_and_leaves_nothing(tags: Any, define: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)]))
    with pytest.raises(BadInput, match="tags"):
        engine.start("shop", {}, tags=tags)
    assert not SagaExecution.objects.exists()
    with pytest.raises(BadInput, match="tags"):
        found("no tag")
