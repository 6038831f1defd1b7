"""The facts that the model tells the machine, and the one moment at which it tells them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sagas.machine import (
    Cancel,
    Claim,
    Direction,
    ExecutionState,
    Failed,
    Failure,
    FailureKind,
    Lost,
    Pause,
    Report,
    Resume,
    Succeeded,
)
from tests.model.calls import Call

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Time stands still: a lease ends, and a backoff passes, by being written back to now, as if it had
begun earlier than the others."""

BY_ANNA: Final = {"by": "anna", "reason": "she knows why"}
CANCEL: Final = Cancel(**BY_ANNA)
PAUSE: Final = Pause(**BY_ANNA)
RESUME: Final = Resume(**BY_ANNA)

SUCCESS: Final = "success"
REJECTED: Final = FailureKind.REJECTED.value
UNREACHABLE: Final = FailureKind.UNREACHABLE.value
LATER: Final = FailureKind.LATER.value
UNKNOWN: Final = FailureKind.UNKNOWN.value


def claim(call: Call, fence: int) -> Claim:
    """A worker's claim upon a hint that names `fence`."""
    return Claim(call.step, call.direction, fence, holder(call, fence + 1))


def report(call: Call, fence: int, result: str) -> Report:
    """A worker's report: `SUCCESS`, or the kind of failure."""
    if result != SUCCESS:
        failure = Failure(FailureKind(result), "", "")
        return Failed(call.step, call.direction, fence, failure)
    is_action = call.direction is Direction.ACTION
    return Succeeded(call.step, call.direction, fence, {call.step: "done"} if is_action else {})


def lost(call: Call, fence: int) -> Lost:
    """Word of a dead worker."""
    return Lost(call.step, call.direction, fence, holder(call, fence))


def holder(call: Call, fence: int) -> str:
    """Who holds a claim follows from what it claims."""
    return f"holder of {call} {fence}"


def when_time_has_come(state: ExecutionState, calls: Iterable[Call]) -> ExecutionState:
    """`state` as it is when the leases or backoffs of `calls` have just ended."""
    steps = dict(state.steps)
    for step in (call.step for call in calls):
        due_at, lease_until = steps[step].due_at and NOW, steps[step].lease_until and NOW
        steps[step] = replace(steps[step], due_at=due_at, lease_until=lease_until)
    return replace(state, steps=steps)
