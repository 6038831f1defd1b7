"""A definition that can't work is refused where it is written, with what to do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sagas.machine import DefinitionError, Parallel, Pivot, Retry, Saga, SagaStep
from tests.machine.conversation import nothing


async def awaited(context: Any) -> None:
    """Where nothing is awaited."""


def a(name: str = "a", **options: Any) -> SagaStep:
    return SagaStep(name, nothing, **options)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: Saga("order", [a(), a()]), "2 steps are named 'a'"),
        (lambda: Saga("order", [a(), Parallel(a("b"), [a("c"), a()])]), "2 steps are named 'a'"),
        (lambda: Saga("order", []), "name at least one step"),
        (lambda: Saga("Order", [a()]), "lower-case letters"),
        (lambda: Saga("order", [a()], version=0), "Use 1, 2, 3"),
        (lambda: Saga("order", [a()], version=True), "Use 1, 2, 3"),
        (lambda: Saga("order", ["a"]), "is not a step"),
        (lambda: a("a.b"), "lower-case letters"),
        (lambda: a(timeout=0), "positive number of seconds"),
        (lambda: a(timeout=timedelta(seconds=-1)), "positive number of seconds"),
        (lambda: SagaStep("a", None), "Pass a function"),  # type: ignore[arg-type]
        (lambda: SagaStep("a", nothing, "b"), "Pass a function"),  # type: ignore[arg-type]
        (lambda: SagaStep("a", awaited, atomic=True), "use `def`, or leave atomic out"),
        (lambda: Saga("s", [a()], validate=awaited), "Write it with"),  # type: ignore[arg-type]
        (lambda: Parallel(a()), "two or more"),
        (lambda: Parallel(a(), []), "name at least one step"),
        (
            lambda: Saga("order", [Pivot("a", nothing), SagaStep("b", nothing, nothing)]),
            "Move it before the pivot, or drop the compensation",
        ),
        (lambda: Saga("order", [Pivot("a", nothing), Pivot("b", nothing)]), "Keep the first"),
        (
            lambda: Saga("order", [Parallel(Pivot("a", nothing), a("b"))]),
            "Move it to the top level",
        ),
        (lambda: Retry(max_attempts=0), "use 1 or more"),
        (lambda: Retry(backoff=-1), "use 0 or more"),
        (lambda: Retry(factor=0.5), "use 1 (constant) or more"),
        (lambda: Retry(backoff=10, cap=5), "at least the backoff"),
        (lambda: Retry(jitter=2), "between 0 and 1"),
    ],
)
def test_is_refused_where_it_is_written(write: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (two kinds; the text is compared)
        write()
    assert says in str(refused.value)


def test_definition_errors_are_their_own_kind() -> None:
    with pytest.raises(DefinitionError):
        Saga("order", [a(), a()])


def test_limits_are_in_order() -> None:
    """Soft limit < hard limit < lease, so a hung step has ended before it is tried again."""
    step = a(timeout=timedelta(seconds=10))
    assert step.soft_limit == timedelta(seconds=10)
    assert step.soft_limit < step.hard_limit < step.lease


def test_the_branches_of_one_group_are_concurrent() -> None:
    saga = Saga("order", [a(), Parallel([a("b"), a("c")], Parallel(a("d"), a("e"))), a("f")])
    assert saga.concurrent == {
        "a": frozenset(),
        "b": {"d", "e"},
        "c": {"d", "e"},
        "d": {"b", "c", "e"},
        "e": {"b", "c", "d"},
        "f": frozenset(),
    }
