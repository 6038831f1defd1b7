"""Executions in the states that the ports' tests need, made by the engine itself."""

from typing import Any

from sagas import engine
from sagas.machine import (
    Direction,
    Failure,
    FailureKind,
    ForEach,
    Pivot,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)
from tests.engine.driving import claim, row


def nothing(context: Any) -> None:
    """An action or a compensation that does nothing."""


ONCE = Retry(max_attempts=1)

SHOP = Saga(
    "shop",
    [
        SagaStep("reserve", nothing, nothing, compensation_retry=ONCE),
        SagaStep("charge", nothing, nothing),
        Pivot("hand_over", nothing),
        SagaStep("mail", nothing),
    ],
)
APPROVAL = Saga("approval", [WaitFor("approved", timeout=3600), Sleep("cool_down", 60)])
BATCH = Saga("batch", [ForEach("pack", over="items", action=nothing, max_concurrency=2)])
TRIP = Saga("trip", [SubSaga("flight", "shop")])
LOCKED = Saga("locked", [SagaStep("a", nothing)], locks=lambda context: context["locks"])
IMPATIENT = Saga(
    "impatient",
    [SagaStep("a", nothing)],
    locks=lambda context: context["locks"],
    on_conflict="fail",
)
ALL = (SHOP, APPROVAL, BATCH, TRIP, LOCKED, IMPATIENT)


def succeed(execution_id: int, *steps: str, direction: Direction = Direction.ACTION) -> None:
    """A worker runs these steps, one after the other."""
    for step in steps:
        engine.succeed(claim(execution_id, step, direction), None)


def reject(execution_id: int, step: str, direction: Direction = Direction.ACTION) -> None:
    """A worker runs this step, and its participant refuses."""
    failure = Failure.of(FailureKind.REJECTED, Rejected("no"))
    engine.fail(claim(execution_id, step, direction), failure)


def stuck(saga_id: str, owner_id: int | None = None) -> int:
    """A shop that failed: it turned back, and `reserve` could not be undone."""
    started = engine.start("shop", {}, saga_id=saga_id, version=1, owner_id=owner_id)
    execution_id = started.execution_id
    succeed(execution_id, "reserve")
    reject(execution_id, "charge")
    reject(execution_id, "reserve", Direction.COMPENSATION)
    assert row(execution_id).status == "failed"
    return execution_id


def past_pivot(saga_id: str, owner_id: int | None = None) -> int:
    """A shop whose pivot has succeeded: `mail` is due."""
    started = engine.start("shop", {}, saga_id=saga_id, version=1, owner_id=owner_id)
    execution_id = started.execution_id
    succeed(execution_id, "reserve", "charge", "hand_over")
    return execution_id
