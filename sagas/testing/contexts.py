"""What a step's function is called with."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sagas.machine import Context, Direction
from sagas.machine.context import for_action, given_to, idempotency_key


def make_context(
    values: Mapping[str, Any] | None = None,
    *,
    saga_id: str = "saga-1",
    step: str = "step",
    compensation: bool = False,
    attempt: int = 1,
) -> Context:
    """The context of a step, or of its compensation: a copy of `values`, and the engine's keys."""
    direction = Direction.COMPENSATION if compensation else Direction.ACTION
    return for_action(
        given_to(
            values or {},
            saga_id=saga_id,
            key=idempotency_key(saga_id, step, direction),
            action_key=idempotency_key(saga_id, step, Direction.ACTION),
            attempt=attempt,
            deadline=datetime.now(UTC) + timedelta(seconds=30),
        )
    )
