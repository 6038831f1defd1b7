"""A saga tested as a conversation with the pure machine: what is due, what is answered."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sagas.machine import (
    Claim,
    Decision,
    Direction,
    Fact,
    Failed,
    Failure,
    FailureKind,
    Hint,
    Pivot,
    Retry,
    Saga,
    SagaStep,
    Succeeded,
    Verdict,
    Woken,
    decide,
    hints,
    start,
)
from sagas.machine import events as ev
from sagas.machine.durations import as_timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)
ACTION, COMPENSATION = Direction.ACTION, Direction.COMPENSATION


def nothing(context: Any) -> None:
    """An action for definitions whose actions are never called."""


@dataclass
class Conversation:
    saga: Saga
    context: dict[str, Any] = field(default_factory=dict)
    now: datetime = START
    history: list[ev.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        limit = self.saga.deadline
        started = ev.SagaStarted(
            "s-1",
            self.saga.saga_type,
            self.saga.version,
            self.context,
            deadline=None if limit is None else self.now + as_timedelta(limit),
        )
        self._take(start(self.saga, started, self.now))

    def tell(self, fact: Fact) -> Decision:
        """Hands `fact` to the machine, and keeps what follows."""
        decision = decide(self.saga, self.state, fact, self.now)
        self._take(decision)
        return decision

    def due(self) -> set[tuple[str, str]]:
        """(step, direction) of all that may be claimed now."""
        return {(hint.step, hint.direction.value) for hint in hints(self.state, self.now)}

    def hint(self, step: str) -> Hint:
        """The hint for a step that is due."""
        found = [hint for hint in hints(self.state, self.now) if hint.step == step]
        assert found, f"{step} is not due; due: {self.due()}"
        return found[0]

    def claim(self, step: str, holder: str = "worker", *, together: bool = False) -> int:
        """Claims a step that is due; the fence under which it may be reported."""
        hint = self.hint(step)
        decision = self.tell(Claim(step, hint.direction, hint.fence, holder, together))
        assert decision.verdict is Verdict.ACCEPTED
        return hint.fence + 1

    def succeed(self, step: str, **changes: Any) -> Decision:
        """Claims `step`, in the direction that is due, and reports a success."""
        direction = self.hint(step).direction
        return self.tell(Succeeded(step, direction, self.claim(step), changes))

    def fail(self, step: str, kind: FailureKind = FailureKind.REJECTED) -> Decision:
        """Claims `step`, in the direction that is due, and reports a failure."""
        direction = self.hint(step).direction
        return self.tell(Failed(step, direction, self.claim(step), failure(kind)))

    def give_up(self, step: str, kind: FailureKind) -> None:
        """Fails `step` until it has no attempt left."""
        status = self.state.step(step).status
        while self.state.step(step).status is status:
            self.fail(step, kind)
            self.pass_time(3600)

    def pass_time(self, seconds: float) -> Decision:
        """Time goes by, and somebody looks."""
        self.now += timedelta(seconds=seconds)
        return self.tell(Woken())

    def statuses(self) -> dict[str, str]:
        return {name: step.status.value for name, step in self.state.steps.items()}

    def types(self) -> list[str]:
        return [event.type for event in self.history]

    def _take(self, decision: Decision) -> None:
        self.history += [recorded.event for recorded in decision.events]
        self.state = decision.state


BY_ANNA: dict[str, Any] = {"by": "anna", "reason": "she knows why"}


def failure(kind: FailureKind) -> Failure:
    return Failure(kind, "SomeError", "what it said")


def step(name: str, *, undo: bool = True, pivot: bool = False, **options: object) -> SagaStep:
    options = {"retry": Retry(max_attempts=2, backoff=1, jitter=0)} | options
    kind = Pivot if pivot else SagaStep
    return kind(name, nothing, nothing if undo else None, **options)  # type: ignore[arg-type]


def talk(*steps: object, **context: object) -> Conversation:
    return Conversation(Saga("order", list(steps)), dict(context))  # type: ignore[arg-type]
