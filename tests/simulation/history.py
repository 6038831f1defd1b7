"""What was committed, read back: the row and all events of each execution of a world."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagas import queries
from sagas.machine import Direction, ExecutionState
from sagas.machine import events as ev
from sagas.models import SagaEvent, SagaExecution
from sagas.moments import aware
from tests.engine.driving import state_in
from tests.simulation.codes import Codes
from tests.simulation.definitions import Design

Settled = ev.StepSucceeded | ev.StepRetrying | ev.StepFailed


@dataclass(frozen=True)
class Story:
    """One execution, from its first event to the row that it has led to."""

    state: ExecutionState
    design: Design
    numbers: list[int]
    times: list[datetime]
    events: list[Any]

    @property
    def saga_id(self) -> str:
        return self.state.saga_id

    def lines(self) -> list[str]:
        """The events, for a person to read."""
        told = zip(self.numbers, self.times, self.events, strict=True)
        return [f"{number:3} {at.isoformat()} {event}" for number, at, event in told]


def stories(codes: Codes) -> Iterator[Story]:
    """All that were started, in that order, without their parts."""
    told: dict[int, list[tuple[int, datetime]]] = {}
    rows = SagaEvent.objects.order_by("execution_id", "seq")
    for execution_id, number, at in rows.values_list("execution_id", "seq", "at"):
        told.setdefault(execution_id, []).append((number, aware(at)))
    for found in SagaExecution.objects.filter(parent=None).order_by("id"):
        mine = told.get(found.pk, [])
        yield Story(
            state_in(found),
            codes.design(found.saga_type, found.definition_digest),
            [number for number, _ in mine],
            [at for _, at in mine],
            queries.history(found.pk),
        )


def in_flight_at_each(story: Story, direction: Direction) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each event, with the claims (step → its event) that had not settled just before it."""
    held: dict[str, Any] = {}
    for event in story.events:
        yield event, held
        if getattr(event, "direction", None) is not direction:
            continue
        if isinstance(event, ev.StepClaimed | ev.StepAsked) and event.lease_until:
            held[event.step] = event
        elif isinstance(event, Settled):
            held.pop(event.step, None)
