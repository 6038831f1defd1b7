"""Driving the real engine on the real PostgreSQL, as workers would."""

from datetime import timedelta
from typing import Any

from sagas import engine, queries
from sagas.machine import (
    Direction,
    ExecutionState,
    ExecutionStatus,
    Hint,
    Options,
    StepState,
    agrees,
    fold,
)
from sagas.models import SagaExecution

ORDER = {"order": 1}


def row(execution_id: int) -> SagaExecution:
    return SagaExecution.objects.get(pk=execution_id)


def state_in(found: SagaExecution) -> ExecutionState:
    """The row, as the machine's own value."""
    return ExecutionState(
        found.saga_id,
        found.saga_type,
        found.version,
        ExecutionStatus(found.status),
        found.paused,
        found.context,
        {name: StepState.from_json(data) for name, data in found.steps.items()},
        found.last_seq,
        Options.from_json(found.options),
    )


def check_history(execution_id: int) -> None:
    """S8: the events are numbered without a gap, and folding them gives the row."""
    numbers = [event.seq for event in queries.events_after(execution_id, 0)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert agrees(fold(queries.history(execution_id)), state_in(row(execution_id)))


def claim(execution_id: int, step: str, direction: Direction = Direction.ACTION) -> Any:
    """Claims under the step's newest fence, as a fresh hint would."""
    fence = state_in(row(execution_id)).step(step).fence
    return engine.claim(execution_id, step, direction, fence)


def perform(execution_id: int, hint: Hint) -> None:
    """One message, handled."""
    work = engine.claim(execution_id, hint.step, hint.direction, hint.fence)
    if work is not None:
        engine.succeed(work, work.run())


def pass_time(execution_id: int, **duration: float) -> None:
    """Lets time go by for one execution: every time in its row moves into the past."""
    found = row(execution_id)
    for data in found.steps.values():
        step = StepState.from_json(data)
        for name in ("due_at", "lease_until", "remind_at"):
            if moment := getattr(step, name):
                data[name] = (moment - timedelta(**duration)).isoformat()
    if found.wake_at is not None:
        found.wake_at -= timedelta(**duration)
    found.save(update_fields=["steps", "wake_at"])
