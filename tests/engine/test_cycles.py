"""Sagas that start each other in a cycle would never end: no process starts with them, and no
execution begins where they are (L2, L3)."""

from typing import Any

import pytest

from sagas import engine
from sagas.errors import BadInput
from sagas.machine import DefinitionError, Repeat, Saga, SagaStep, SubSaga
from sagas.models import SagaExecution
from sagas.registry import Registry
from tests.engine.driving import check_history

pytestmark = pytest.mark.django_db(transaction=True)


def leading_to(name: str, *others: str, version: int = 1, of: int | None = None) -> Saga:
    steps = [SubSaga(f"to_{other}", other, version=of) for other in others]
    return Saga(name, steps or [SagaStep("a", lambda _: None)], version=version)


CIRCLES = [
    ("a", [leading_to("a", "b"), leading_to("b", "a")]),
    ("a", [leading_to("a", "b", of=1), leading_to("b", "c"), leading_to("c", "a", of=1)]),
    ("a", [leading_to("a", "b"), leading_to("b", "c"), leading_to("c", "b", "d"), leading_to("d")]),
    ("a", [Saga("a", [Repeat("r", [SubSaga("b")], until="x", most=2)]), leading_to("b", "a")]),
    ("a", [leading_to("a", "a", of=1, version=2), leading_to("a", "a", of=2)]),
]


@pytest.mark.parametrize(("first", "sagas"), CIRCLES)
def test_a_circle_is_refused_when_django_starts(first: str, sagas: list[Saga]) -> None:
    known = Registry()
    for saga in sagas:
        known.add(saga)
    with pytest.raises(DefinitionError, match="in an endless cycle"):
        known.check_parts()


@pytest.mark.parametrize(("first", "sagas"), CIRCLES)
def test_a_circle_is_refused_where_it_would_start(
    first: str, sagas: list[Saga], define: Any
) -> None:
    for saga in sagas:
        define(saga)
    with pytest.raises(BadInput, match="in an endless cycle"):
        engine.start(first, {})
    with pytest.raises(BadInput, match="in an endless cycle"):
        engine.start_many(first, [engine.NewSaga({})])
    assert not SagaExecution.objects.exists()


def test_what_is_used_twice_is_no_circle() -> None:
    known = Registry()
    for saga in (leading_to("a", "b", "c"), leading_to("b", "c"), leading_to("c")):
        known.add(saga)
    known.add(leading_to("b", "a", version=2))
    known.add(leading_to("a", version=2))
    known.check_parts()


def test_a_chain_that_is_too_long_begins_nothing_below_it(define: Any) -> None:
    """Each level is born in the transaction of the one above it: far from Python's own limit."""
    for number in range(200):
        define(leading_to(f"s{number}", f"s{number + 1}"))
    define(leading_to("s200"))
    started = engine.start("s0", {}, saga_id="x")
    check_history(started.execution_id)
    assert SagaExecution.objects.count() < 100
