"""The row of an execution, as the model keeps it."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from sagas.machine import (
    ChildCommand,
    Decision,
    Direction,
    Effect,
    ExecutionState,
    Fact,
    Options,
    StepState,
    StepStatus,
)
from sagas.machine import events as ev
from sagas.machine.children import Children
from sagas.machine.states import IN_FLIGHT, SCHEDULED
from tests.model.calls import Call, Calls, mask
from tests.model.children import Frozen
from tests.model.facts import NOW
from tests.model.past import Past
from tests.model.shape import Shape


class Taken(NamedTuple):
    """What became of a fact: the row after it, and the calls that hints were sent for."""

    row: "Row"
    told_bits: int
    events: tuple[str, ...]
    has_children: bool = False
    born: tuple[Frozen, ...] = ()
    commands: tuple[ChildCommand, ...] = ()
    """For the children, these too."""


@dataclass(eq=False, slots=True)
class Row:
    """A state of an execution that was reached, with all that worlds keep asking it for.

    Each state and past has one row, so rows are compared and hashed as the objects that they are.
    """

    state: ExecutionState
    past: Past
    due: tuple[Call, ...]
    backing_off: tuple[Call, ...]
    """Scheduled, and due only later."""
    in_flight: tuple[Call, ...]
    timed: tuple[str, ...]
    """Steps that wait for a time, or for a signal until a time."""
    due_bits: int
    in_flight_bits: int
    unaware_bits: int
    """The actions that, by the row, have done nothing and that nobody is at."""
    is_at_rest: bool
    taken: dict[tuple[Hashable, ...], Taken] = field(default_factory=dict)
    """What became of the facts that it was told so far."""

    @classmethod
    def of(cls, state: ExecutionState, past: Past, calls: Calls) -> "Row":
        steps = [(call, state.step(call.step)) for call in calls.values()]
        scheduled = [each for each in steps if each[1].status is SCHEDULED[each[0].direction]]
        due = tuple(call for call, step in scheduled if is_due(step) and not state.paused)
        in_flight = tuple(call for call, step in steps if step.status is IN_FLIGHT[call.direction])
        unaware = [call for call, step in steps if call.has_effect and _is_unaware(step)]
        return cls(
            state,
            past,
            due,
            tuple(call for call, step in scheduled if not is_due(step)),
            in_flight,
            tuple(name for name, step in state.steps.items() if is_timed(step)),
            mask(due),
            mask(in_flight),
            mask(unaware),
            state.is_at_rest,
        )


def is_due(step: StepState) -> bool:
    return step.due_at is not None and step.due_at <= NOW


def is_timed(step: StepState) -> bool:
    return step.status is StepStatus.WAITING and step.due_at is not None


def _is_unaware(step: StepState) -> bool:
    return step.effect is Effect.NONE and step.status is not StepStatus.RUNNING


@dataclass(frozen=True)
class Transition:
    """One fact, and everything that a clause may look at."""

    shape: Shape
    before: ExecutionState
    past: Past
    """Before the fact, and after it."""
    past_after: Past
    fact: Fact | ev.SagaStarted
    decision: Decision

    @property
    def after(self) -> ExecutionState:
        return self.decision.state

    @property
    def events(self) -> Iterator[Any]:
        return (recorded.event for recorded in self.decision.events)

    def starting(self, direction: Direction) -> list[Any]:
        return [event for event in self.events if is_start(event, direction)]


def is_start(event: Any, direction: Direction) -> bool:
    """Whether by `event` an attempt in `direction` is scheduled or claimed, or the step waits."""
    kinds = (ev.StepScheduled, ev.StepClaimed, ev.StepRetrying, ev.StepWaiting)
    return isinstance(event, kinds) and event.direction is direction


def canonical(state: ExecutionState) -> ExecutionState:
    """`state` without what tells histories apart and decides nothing: how many events there were,
    how often polls were asked, and the texts of failures."""
    return replace(
        state,
        last_seq=1,
        options=replace(state.options, asked=min(state.options.asked, 1)),
        steps={
            name: replace(step, failure=replace(step.failure, error="", message=""))
            if step.failure
            else step
            for name, step in state.steps.items()
        },
    )


def key(state: ExecutionState | StepState | Options | Children) -> Hashable:
    """Everything in `state`, hashable."""
    values = (getattr(state, each.name) for each in fields(state))
    return tuple(_hashable(value) for value in values)


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple((name, _hashable(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_hashable, value))
    return key(value) if isinstance(value, StepState | Options | Children) else value
