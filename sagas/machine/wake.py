"""When somebody must look at an execution again, and what to tell the workers then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sagas.machine.state import ExecutionState
from sagas.machine.states import GOING_FORWARD, Direction, ExecutionStatus, StepStatus

FIRST_REPEAT: Final = timedelta(seconds=5)
"""How long a hint is trusted. Shorter repeats the hints of every queue that is a little slow;
longer is how long a saga stands still when its hint was lost (L2)."""

LONGEST_REPEAT: Final = timedelta(minutes=1)
"""Repeats double up to this: a queue longer than the wake interval must not grow by its own
repeats (R21). It is also how long a saga may stand still after a broker was away for long."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A message that says: this step may be due. It proves nothing and promises nothing."""

    step: str
    direction: Direction
    fence: int


def hints(state: ExecutionState, now: datetime) -> list[Hint]:
    """One for each step that may be claimed now."""
    if state.paused or state.is_at_rest:
        return []
    return [
        Hint(name, direction, step.fence)
        for direction in Direction
        for name in state.scheduled(direction)
        if (step := state.step(name)).due_at is not None and step.due_at <= now
    ]


def wake_at(state: ExecutionState, now: datetime, hints_sent: int) -> datetime | None:
    """The earliest time at which anybody must look again; None if nobody must (L1).

    `hints_sent` is how often the hints of this very state were sent before.
    """
    if state.paused or state.is_at_rest:
        return None
    repeat_at = now + repeat_interval(hints_sent)
    terms = state.terms
    if terms.blocked:
        return repeat_at
    if terms.start_at is not None and terms.start_at > now and not state.current_steps:
        return terms.start_at
    moments = [step.lease_until for step in state.steps.values() if step.lease_until is not None]
    moments += [
        step.due_at if step.due_at > now else repeat_at
        for step in state.steps.values()
        if step.due_at is not None
    ]
    if any(step.children is not None and step.direction for step in state.steps.values()):
        moments.append(repeat_at)  # should the last child's word be lost
    if terms.held and state.status is ExecutionStatus.COMPENSATING:
        moments.append(repeat_at)  # should the parent's
    if terms.deadline is not None and terms.deadline > now and state.status in GOING_FORWARD:
        moments.append(terms.deadline)
    return min(moments, default=None)


def repeat_interval(hints_sent: int) -> timedelta:
    """How long to trust hints that were sent `hints_sent` times before."""
    doublings = min(hints_sent, 10)  # already past LONGEST_REPEAT, and far from an overflow
    doubled: timedelta = FIRST_REPEAT * 2**doublings
    return min(doubled, LONGEST_REPEAT)


def waits_for_signals(state: ExecutionState) -> bool:
    """Whether nothing but a signal moves it on: the one case in which nobody has to look (L1)."""
    current = [step for step in state.steps.values() if step.direction is not None]
    return bool(current) and all(
        step.status is StepStatus.WAITING and step.due_at is None and step.children is None
        for step in current
    )
