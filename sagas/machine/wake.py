"""When somebody must look at an execution again, and what to tell the workers then."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sagas.machine.facts import FullQueues
from sagas.machine.state import UNTOUCHED, ExecutionState, StepState
from sagas.machine.states import (
    AT_REST,
    GOING_FORWARD,
    SCHEDULED,
    UNDER_WAY,
    Direction,
    ExecutionStatus,
    StepStatus,
    statically_frozen,
)

FIRST_REPEAT: Final = timedelta(seconds=5)
"""How long a hint is trusted. Shorter repeats the hints of every queue that is a little slow;
longer is how long a saga stands still when its hint was lost (L2)."""

LONGEST_REPEAT: Final = timedelta(seconds=30)
"""Repeats double up to this: a queue longer than the wake interval must not grow by its own
repeats (R21). It is also how long a saga may stand still after a broker was away for long: less
than the lease of a step that says nothing of its timeout (L2)."""

_MOST_DOUBLINGS: Final = 10
"""Already past LONGEST_REPEAT, and far from an overflow."""

PATIENCE: Final = timedelta(minutes=10)
"""How often a step is told of while its queue is full, though its hint may well be in there. With
less, a long queue grows by its own repeats (R21); it is how long a hint that was lost stays lost
behind a queue that never gets free."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A message that says: this step may be due. It proves nothing and promises nothing."""

    step: str
    direction: Direction
    fence: int


def hints(state: ExecutionState, now: datetime, names: Iterable[str] | None = None) -> list[Hint]:
    """One for each step, or each of `names`, that may be claimed now."""
    if state.paused or state.status in AT_REST:
        return []
    found = []
    for name in state.steps if names is None else names:
        step = state.steps.get(name, UNTOUCHED)
        if step.due_at is None or step.due_at > now:
            continue
        if (direction := UNDER_WAY.get(step.status)) and step.status is SCHEDULED[direction]:
            found.append(Hint(name, direction, step.fence))
    return found


def still_holds(hint: Hint, state: ExecutionState) -> bool:
    """Whether a step that was due in an earlier state is so in this one: nobody claimed it, and
    nothing took it back."""
    step = state.step(hint.step)
    is_open = step.status is SCHEDULED[hint.direction] and step.fence == hint.fence
    return is_open and not state.paused and state.status not in AT_REST


@statically_frozen(frozen=True, slots=True)
class Repetition:
    """What a look leads to that found nothing to decide: the hints to send now, when to look again,
    and the queue that it waits behind: once that is free, somebody must look at once (L2)."""

    hints: tuple[Hint, ...]
    wake_at: datetime | None
    blocked_by_queue: str = ""


def repetition(
    state: ExecutionState, now: datetime, promised: datetime, hints_sent: int, full: FullQueues
) -> Repetition:
    """Repeats the hints of `state`, but for those that would only make a `full` queue longer.

    `promised` is the wake_at that led to this look.
    """
    due = hints(state, now)
    blocked_by_queue = {
        hint.step: queue
        for hint in due
        if (queue := full.get((state.saga_type, state.version, hint.step, hint.direction)))
    }
    told = tuple(
        hint
        for hint in due
        if hint.step not in blocked_by_queue
        or _is_told_anyway(state.step(hint.step), now, promised)
    )
    queues = set(blocked_by_queue.values())
    if len(queues) > 1:  # It can wait behind one only: it is looked at from time to time instead.
        return Repetition(told, wake_at(state, now, _MOST_DOUBLINGS))
    return Repetition(told, wake_at(state, now, hints_sent, blocked_by_queue), *queues)


def _is_told_anyway(step: StepState, now: datetime, promised: datetime) -> bool:
    """Whether a step is told of even if its queue is full: at its `_last_call`, unless there was a
    look since then.

    What is put off is promised a look at each of these moments, so one before `promised` had its
    look. A step that is due since `promised` or later had none: its backoff is just over, and
    nobody was told of it yet. What was told of when it was scheduled is due since before that.
    """
    return step.due_at is not None and _last_call(step.due_at, now) >= promised


def wake_at(
    state: ExecutionState, now: datetime, hints_sent: int, blocked_by_queue: Container[str] = ()
) -> datetime | None:
    """The earliest time at which anybody must look again; None if nobody must (L1).

    `hints_sent` is how often the hints of this very state were sent before; `blocked_by_queue` are
    the steps that are due, and wait for their queue to be free: that is noticed without a look at
    each.
    """
    if state.paused or state.status in AT_REST:
        return None
    repeat_at = now + repeat_interval(hints_sent)
    options = state.options
    if options.blocked:
        return repeat_at
    if options.start_at is not None and options.start_at > now and not state.current_steps:
        return options.start_at
    moments = []
    for name, step in state.steps.items():
        if step.lease_until is not None:
            moments.append(step.lease_until)
        if step.children is not None and step.status in UNDER_WAY and not step.awaits_signal:
            moments.append(repeat_at)  # should the last child's word be lost
        if step.remind_at is not None:
            moments.append(step.remind_at if step.remind_at > now else repeat_at)
        if step.due_at is None:
            continue
        if step.due_at > now:
            moments.append(step.due_at)
        elif name in blocked_by_queue:
            moments.append(_last_call(step.due_at, now) + PATIENCE)
        else:
            moments.append(repeat_at)
    if options.held and state.status is ExecutionStatus.COMPENSATING:
        moments.append(repeat_at)  # should the parent's
    if options.deadline is not None and options.deadline > now and state.status in GOING_FORWARD:
        moments.append(options.deadline)
    return min(moments, default=None)


def repeat_interval(hints_sent: int) -> timedelta:
    """How long to trust hints that were sent `hints_sent` times before."""
    doubled: timedelta = FIRST_REPEAT * 2 ** min(hints_sent, _MOST_DOUBLINGS)
    return min(doubled, LONGEST_REPEAT)


def waits_for_signals(state: ExecutionState) -> bool:
    """Whether nothing but a signal moves it on: the one case in which nobody has to look (L1)."""
    waits = False
    for step in state.steps.values():
        if step.status not in UNDER_WAY:
            continue
        is_for_children = step.children is not None and not step.awaits_signal
        is_timed = step.due_at is not None or step.remind_at is not None
        if step.status is not StepStatus.WAITING or is_timed or is_for_children:
            return False
        waits = True
    return waits


def _last_call(due_at: datetime, now: datetime) -> datetime:
    """The last moment at which a step was to be told of even if its queue is full: when it became
    due, and each PATIENCE after that."""
    return due_at + (now - due_at) // PATIENCE * PATIENCE
