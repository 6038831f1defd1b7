"""Definitions that a deploy changes, for tests of what becomes of executions under way."""

from collections.abc import Callable
from typing import Any

from sagas import engine
from sagas.machine import Direction, Saga, SagaStep
from sagas.models import SagaExecution
from sagas.registry import registry
from tests.engine.driving import ORDER, claim

BY: Any = {"by": "anna", "reason": "she knows why"}


def does(context: Any) -> None:
    """An action that changes nothing."""


def step(name: str, undo: bool = True, **policies: Any) -> SagaStep:
    return SagaStep(name, does, does if undo else None, **policies)


def redefine(*steps: Any, saga_type: str = "shop", version: int = 1) -> Saga:
    """As a deploy does that changes a definition."""
    changed = Saga(saga_type, list(steps), version=version)
    for each in [changed, *changed.item_sagas]:
        registry._sagas[each.saga_type, each.version] = each
    return changed


def start(define: Callable[[Saga], Saga], *steps: Any, **context: Any) -> int:
    define(Saga("shop", list(steps)))
    return engine.start("shop", ORDER | context, saga_id="s").execution_id


def do(execution_id: int, *names: str, direction: Direction = Direction.ACTION) -> None:
    for name in names:
        engine.succeed(claim(execution_id, name, direction), None)


def pk(saga_id: str) -> int:
    return SagaExecution.objects.get(saga_id=saga_id).pk
