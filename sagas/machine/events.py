"""What has happened to an execution, and what each event does to its state.

An execution's events are numbered 1, 2, 3 …; `fold` of all of them gives its state (S8), because
`decide` changes state in no other way than through `evolve`. The types are also what subscribers
and the HTTP API see.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, ClassVar, Final, assert_never, get_args

from sagas.machine.failures import Failure
from sagas.machine.state import ExecutionState, StepState
from sagas.machine.states import (
    EXECUTION_MOVES,
    STEP_MOVES,
    WITHDRAWN_AFTER_TRY,
    Direction,
    Effect,
)


class IllegalMove(AssertionError):
    """An event met a status that it can't follow: an engine's bug. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class SagaStarted:
    type: ClassVar = "saga.started"
    saga_id: str
    saga_type: str
    version: int
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SagaRunning:
    type: ClassVar = "saga.running"


@dataclass(frozen=True, slots=True)
class SagaCompensating:
    """The saga turns back; `because` names the step that gave up."""

    type: ClassVar = "saga.compensating"
    because: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class SagaCompleted:
    type: ClassVar = "saga.completed"


@dataclass(frozen=True, slots=True)
class SagaCompensated:
    type: ClassVar = "saga.compensated"


@dataclass(frozen=True, slots=True)
class SagaFailed:
    """A person is needed; `left` names the steps that gave up, each still to be settled."""

    type: ClassVar = "saga.failed"
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _OfStep:
    step: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class _OfAttempt(_OfStep):
    attempt: int
    fence: int


@dataclass(frozen=True, slots=True)
class _FailedAttempt(_OfAttempt):
    failure: Failure
    effect: Effect
    """The strongest over all attempts so far."""
    reported: bool
    """Whether its holder said so; otherwise its lease ended."""


@dataclass(frozen=True, slots=True)
class StepScheduled(_OfStep):
    type: ClassVar = "step.scheduled"
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StepClaimed(_OfAttempt):
    type: ClassVar = "step.claimed"
    holder: str
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class StepSucceeded(_OfAttempt):
    type: ClassVar = "step.succeeded"
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepRetrying(_FailedAttempt):
    """The attempt failed; the next one is due at `due_at`."""

    type: ClassVar = "step.retrying"
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StepFailed(_FailedAttempt):
    """The attempt failed, and there is no other: the step, or its compensation, gave up."""

    type: ClassVar = "step.failed"


@dataclass(frozen=True, slots=True)
class StepWithdrawn(_OfStep):
    """Scheduled, but the saga turned back before anybody claimed it (again)."""

    type: ClassVar = "step.withdrawn"


@dataclass(frozen=True, slots=True)
class StepLate(_OfStep):
    """A result that came after its fence was shut out; recorded, and without effect (S1)."""

    type: ClassVar = "step.late"
    fence: int
    succeeded: bool
    failure: Failure | None


ExecutionEvent = SagaRunning | SagaCompensating | SagaCompleted | SagaCompensated | SagaFailed
StepEvent = StepScheduled | StepClaimed | StepSucceeded | StepRetrying | StepFailed | StepWithdrawn
Event = SagaStarted | ExecutionEvent | StepEvent | StepLate

EVENT_TYPES: Final[dict[str, type[Event]]] = {event.type: event for event in get_args(Event)}


def begin(event: SagaStarted) -> ExecutionState:
    """The state of a new execution: its first event, applied."""
    return ExecutionState(
        event.saga_id, event.saga_type, event.version, context=event.context, last_seq=1
    )


def evolve(state: ExecutionState, event: Event) -> ExecutionState:
    """The state after `event`. Raises `IllegalMove` for one that `state` can't take."""
    match event:
        case SagaStarted():
            raise IllegalMove(f"{state.saga_id} is started already.")
        case StepLate():
            return replace(state, last_seq=state.last_seq + 1)
        case SagaRunning() | SagaCompensating() | SagaCompleted() | SagaCompensated():
            return _evolve_execution(state, event)
        case SagaFailed():
            return _evolve_execution(state, event)
        case StepSucceeded():
            context = {**state.context, **event.changes} if event.changes else state.context
            return _evolve_step(state, event, context)
        case StepScheduled() | StepClaimed() | StepRetrying() | StepFailed() | StepWithdrawn():
            return _evolve_step(state, event, state.context)
        case _:
            assert_never(event)


def fold(events: Iterable[Event]) -> ExecutionState:
    """The state that a whole history leads to; its first event is the `SagaStarted`."""
    history = iter(events)
    first = next(history)
    if not isinstance(first, SagaStarted):
        raise IllegalMove(f"A history begins with saga.started, not with {first.type}.")
    state = begin(first)
    for event in history:
        state = evolve(state, event)
    return state


def _evolve_execution(state: ExecutionState, event: ExecutionEvent) -> ExecutionState:
    before, after = EXECUTION_MOVES[event.type]
    if state.status not in before:
        raise IllegalMove(f"{event.type} on {state.saga_id}, which is {state.status}.")
    return replace(state, status=after, last_seq=state.last_seq + 1)


def _evolve_step(
    state: ExecutionState, event: StepEvent, context: Mapping[str, Any]
) -> ExecutionState:
    step = state.step(event.step)
    move = STEP_MOVES[event.direction].get(event.type)
    if move is None or step.status not in move[0]:
        raise IllegalMove(
            f"{event.type} ({event.direction}) on {state.saga_id}, step {event.step}, which is "
            f"{step.status}."
        )
    settled = {"status": move[1], "due_at": None, "lease_until": None}
    changed = replace(step, **(settled | _details(step, event)))
    return replace(
        state,
        context=context,
        steps={**state.steps, event.step: changed},
        last_seq=state.last_seq + 1,
    )


def _details(step: StepState, event: StepEvent) -> dict[str, Any]:
    """What `event` sets in a step beside its status."""
    match event:
        case StepScheduled(due_at=due_at):
            return {"due_at": due_at}
        case StepClaimed(attempt=attempt, fence=fence, holder=holder, lease_until=lease_until):
            counter = "attempts" if event.direction is Direction.ACTION else "compensation_attempts"
            return {counter: attempt, "fence": fence, "holder": holder, "lease_until": lease_until}
        case StepSucceeded(fence=fence, changes=changes):
            wrote = tuple(sorted({*step.wrote, *changes}))
            effect = Effect.APPLIED if event.direction is Direction.ACTION else step.effect
            return {"reported": fence, "wrote": wrote, "effect": effect}
        case StepRetrying(failure=failure, effect=effect, due_at=due_at):
            return {"failure": failure, "effect": effect, "due_at": due_at} | _reported(event)
        case StepFailed(failure=failure, effect=effect):
            return {"failure": failure, "effect": effect} | _reported(event)
        case StepWithdrawn():
            return {"status": WITHDRAWN_AFTER_TRY} if step.attempts else {}
        case _:
            assert_never(event)


def _reported(event: StepRetrying | StepFailed) -> dict[str, int]:
    return {"reported": event.fence} if event.reported else {}


def to_json(event: Event) -> dict[str, Any]:
    """Everything of an event but its type, as JSON values."""
    return {field.name: _plain(getattr(event, field.name)) for field in fields(event)}


def from_json(event_type: str, data: Mapping[str, Any]) -> Event:
    """The event that `to_json` gave `data` for. Raises KeyError for an unknown type or field."""
    return EVENT_TYPES[event_type](
        **{name: _READ.get(name, _as_is)(value) for name, value in data.items()}
    )


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Failure():
            return value.to_json()
        case tuple():
            return list(value)
        case _:
            return value


def _as_is(value: Any) -> Any:
    return value


def _failure(data: dict[str, Any] | None) -> Failure | None:
    return Failure.from_json(data) if data else None


_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "direction": Direction,
    "effect": Effect,
    "due_at": datetime.fromisoformat,
    "lease_until": datetime.fromisoformat,
    "failure": _failure,
    "left": tuple,
}
