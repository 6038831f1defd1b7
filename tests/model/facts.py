"""The facts that the model tells the machine, and the one moment at which it tells them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
    Poll,
    Reminded,
    Report,
    Reschedule,
    Resume,
    Signal,
    Skip,
    Succeeded,
    TryAgain,
    WaitFor,
)
from sagas.machine.parameters import as_timedelta
from tests.model.calls import Call

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Time stands still: a lease ends, and a backoff passes, by being written back to now, as if it had
begun earlier than the others."""

BY_ANNA: Final = {"by": "anna", "reason": "she knows why"}
CANCEL: Final = Cancel(**BY_ANNA)
PAUSE: Final = Pause(**BY_ANNA)
RESUME: Final = Resume(**BY_ANNA)
TRY_AGAIN: Final = TryAgain(**BY_ANNA)

NO_CHILD: Final = Failure(FailureKind.REJECTED, "Refused", "It can't be started.")

SUCCESS: Final = "success"
REJECTED: Final = FailureKind.REJECTED.value
UNREACHABLE: Final = FailureKind.UNREACHABLE.value
LATER: Final = FailureKind.LATER.value
UNKNOWN: Final = FailureKind.UNKNOWN.value


def claim(call: Call, fence: int) -> Claim:
    """A worker's claim upon a hint that names `fence`."""
    return Claim(call.step, call.direction, fence, holder(call, fence + 1))


def report(call: Call, fence: int, result: str, accept: bool = False) -> Report:
    """A worker's report: `SUCCESS`, or the kind of failure; with `accept` the step's definition
    takes a refusal for an answer."""
    if result != SUCCESS:
        failure, accepted = Failure(FailureKind(result), "", ""), accept and result == REJECTED
        return Failed(call.step, call.direction, fence, failure, accepted=accepted)
    is_action = call.direction is Direction.ACTION
    return Succeeded(call.step, call.direction, fence, {call.step: "done"} if is_action else {})


def lost(call: Call, fence: int) -> Lost:
    """Word of a dead worker."""
    return Lost(call.step, call.direction, fence, holder(call, fence))


def holder(call: Call, fence: int) -> str:
    """Who holds a claim follows from what it claims."""
    return f"holder of {call} {fence}"


def skip(step: str) -> Skip:
    return Skip(step=step, by=BY_ANNA["by"], reason=BY_ANNA["reason"])


def hurry(step: str) -> TryAgain:
    return TryAgain(step=step, by=BY_ANNA["by"], reason=BY_ANNA["reason"])


def move_to_the_past(step: str) -> Reschedule:
    past = NOW - timedelta(seconds=1)
    return Reschedule(step=step, moment=past, by=BY_ANNA["by"], reason=BY_ANNA["reason"])


def signal(wait: WaitFor, number: int, payload: str = "yes") -> Signal:
    """The signal of that number (from 1). A wait that collects tells them apart by their keys."""
    return Signal(wait.name, payload, "bo", f"key-{number}" if wait.collect else "")


def reminded(wait: str, *, has_started: bool) -> Reminded:
    """The engine's word of a reminder that is due."""
    return Reminded(wait, None if has_started else NO_CHILD)


def sent(name: str) -> Signal:
    """The one signal of that name."""
    return Signal(name, "yes", "bo", f"key-{name}")


def most_signals(wait: WaitFor) -> int:
    return wait.most or 1


def when_patience_is_over(state: ExecutionState, poll: Poll) -> ExecutionState:
    """`state` as it is when a poll has been asked for as long as it may be."""
    assert poll.timeout is not None, "a poll without a timeout is asked for ever"
    began = NOW - as_timedelta(poll.timeout)
    step = replace(state.steps[poll.name], since=began, due_at=NOW)
    return replace(state, steps={**state.steps, poll.name: step})


def when_time_has_come(state: ExecutionState, names: Iterable[str]) -> ExecutionState:
    """`state` as it is when the leases, backoffs or waits of these steps have just ended."""
    steps = dict(state.steps)
    for step in names:
        due_at, lease_until = steps[step].due_at and NOW, steps[step].lease_until and NOW
        steps[step] = replace(steps[step], due_at=due_at, lease_until=lease_until)
    return replace(state, steps=steps)


def when_a_reminder_is_due(state: ExecutionState, name: str) -> ExecutionState:
    """`state` as it is when the next reminder of a wait has just come due."""
    step = replace(state.steps[name], remind_at=NOW)
    return replace(state, steps={**state.steps, name: step})
