"""Executions that are decided on and not written yet, each with the children born with it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sagas.engine import family
from sagas.machine import (
    Decision,
    ExecutionState,
    ExecutionStatus,
    Fact,
    Outcome,
    Saga,
    decide,
    outcome,
)
from sagas.machine.events import SagaCompensating
from sagas.machine.facts import BY_PARENT
from sagas.store.children import AtFault, Output, Result, by_itself


@dataclass(slots=True)
class PreparedStart:
    """An execution whose decision is not saved yet, and the children that are born with it."""

    definition: Saga
    decision: Decision
    family_id: int | None
    now: datetime
    named: dict[str, int]
    """The names that its family has asked for in this transaction, and how many may hold each."""
    execution_id: int | None = None
    """Of one that is there already, with its other children."""
    born: "list[ChildStart]" = field(default_factory=list)
    stirred: "list[ChildStart]" = field(default_factory=list)
    """Those that may have come to something since their parent last heard of them."""
    starts_done: int = 0
    commands_done: int = 0

    @property
    def state(self) -> ExecutionState:
        return self.decision.state

    def take(self, fact: Fact) -> None:
        """Decides what follows from `fact`, as part of the same decision."""
        found = decide(self.definition, self.state, fact, self.now)
        if found.events:
            self.decision = self.decision.then(found)


@dataclass(slots=True)
class ChildStart:
    """A child that will be there as soon as its parent's row is."""

    begun: PreparedStart
    step: str
    number: int
    input: str
    input_digest: str
    keys: dict[str, int]
    heard: Outcome | None = None
    """What its parent has heard that it came to."""

    @property
    def outcome(self) -> Outcome | None:
        return outcome(self.begun.definition, self.begun.state)

    @property
    def has_news(self) -> bool:
        return self.outcome not in (None, self.heard)


@dataclass(frozen=True, slots=True)
class Siblings:
    """The children of a step: those that have rows, and then those that are born."""

    older: family.Rows | None
    newborn: list[ChildStart]
    step: str

    def outputs(self) -> list[Output]:
        older = [] if self.older is None else self.older.outputs()
        return older + [_output(child.begun.state) for child in self.born()]

    def results(self) -> list[Result]:
        older = [] if self.older is None else self.older.results()
        return older + [_result(child.begun) for child in self.born()]

    def before_and_after(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        for child in self.born():
            if child.number == number:
                return json.loads(child.input), dict(child.begun.state.context)
        assert self.older is not None, "it is older, or was born"
        return self.older.before_and_after(number)

    def born(self) -> Iterator[ChildStart]:
        return (child for child in self.newborn if child.step == self.step)

    def at_fault(self, most: int) -> AtFault:
        count, first = (0, []) if self.older is None else self.older.at_fault(most)
        found = [
            (child.number, recorded.event)
            for child in self.born()
            for recorded in child.begun.decision.events
            if isinstance(recorded.event, SagaCompensating) and recorded.event.because != BY_PARENT
        ]
        return count + len(found), [*first, *found][:most]


def _output(state: ExecutionState) -> Output:
    return dict(state.context), {key for step in state.steps.values() for key in step.wrote}


def _result(begun: PreparedStart) -> Result:
    if begun.state.status is ExecutionStatus.COMPLETED:
        return _output(begun.state)
    events = (recorded.event for recorded in begun.decision.events)
    return by_itself(next(each for each in events if isinstance(each, SagaCompensating)))
