"""What the tests of the machine share, beside the conversation itself (`sagas.testing`)."""

from typing import Any

from sagas.machine import Direction, Failure, FailureKind, Pivot, Retry, Saga, SagaStep
from sagas.testing import Conversation

ACTION, COMPENSATION = Direction.ACTION, Direction.COMPENSATION


def nothing(context: Any) -> None:
    """An action for definitions whose actions are never called."""


BY_ANNA: dict[str, Any] = {"by": "anna", "reason": "she knows why"}


def failure(kind: FailureKind) -> Failure:
    return Failure(kind, "SomeError", "what it said")


def step(name: str, *, undo: bool = True, pivot: bool = False, **options: object) -> SagaStep:
    options = {"retry": Retry(max_attempts=2, backoff=1, jitter=0)} | options
    kind = Pivot if pivot else SagaStep
    return kind(name, nothing, nothing if undo else None, **options)  # type: ignore[arg-type]


def talk(*steps: object, **context: object) -> Conversation:
    return Conversation(Saga("order", list(steps)), dict(context))  # type: ignore[arg-type]
