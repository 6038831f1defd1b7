"""What the events said of each step, kept apart from the machine's own state, to hold it to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sagas.machine import (
    Direction,
    Effect,
    ExecutionState,
    FailureKind,
    ForEach,
    Outcome,
    ParentCommand,
    Saga,
    SagaStep,
    SubSaga,
    event_json,
    evolve,
    fold,
)
from sagas.machine import events as ev
from tests.machine.conversation import ACTION, COMPENSATION
from tests.properties.children import Child
from tests.properties.shapes import precedence

TRACE_OF: Final = {FailureKind.UNKNOWN: Effect.POSSIBLE, FailureKind.CONFLICT: Effect.APPLIED}
"""Failures that may leave something at a participant."""


@dataclass(slots=True)
class Story:
    """What has become of one step."""

    effect: Effect = Effect.NONE
    fence: int = 0
    reported: int = 0
    tries: dict[Direction, int] = field(default_factory=lambda: {ACTION: 0, COMPENSATION: 0})
    counted: int = 0
    """Tries of the present direction, without those that a person forgave, that were held back
    before they began, or that died beside others."""
    not_counted: int = 0
    since: datetime | None = None
    due: tuple[Direction, datetime] | None = None
    flight: tuple[Direction, int, str] | None = None
    """Direction, fence and holder of the claim that is believed."""
    lease_until: datetime | None = None
    is_together: bool = False
    goes_alone: bool = False
    waits: Direction | None = None
    until: datetime | None = None
    is_done: bool = False
    has_failed: bool = False
    is_undone: bool = False
    is_stuck: bool = False
    was_helped: bool = False
    """A person had its compensation tried again: it may now come after those before it."""
    signals: int = 0
    wrote: set[str] = field(default_factory=set)
    children: list[Child] = field(default_factory=list)
    total: int = 0
    heard: dict[Outcome, int] = field(default_factory=dict)
    is_halted: bool = False
    is_refused: bool = False
    """Some of its children could not be started."""

    @property
    def is_in_motion(self) -> bool:
        return bool(self.due or self.flight or self.waits)

    @property
    def is_troubled(self) -> bool:
        return self.is_stuck or self.has_failed

    def is_moving(self, direction: Direction) -> bool:
        """Whether it is scheduled, waits or is in flight in that direction."""
        return self.waits is direction or any(
            part is not None and part[0] is direction for part in (self.due, self.flight)
        )


class Ledger:
    """All of an execution's stories, and what holds of it as a whole."""

    def __init__(self, saga: Saga, started: ev.SagaStarted) -> None:
        self.saga = saga
        self.started = started
        self.steps = {name: Story() for name in saga.by_name}
        pairs = set(precedence(saga.body))
        names = list(self.steps)
        self.before = {name: [a for a, b in pairs if b == name] for name in names}
        self.after = {name: [b for a, b in pairs if a == name] for name in names}
        self.beside = {
            name: [
                other
                for other in names
                if other != name and (name, other) not in pairs and (other, name) not in pairs
            ]
            for name in names
        }
        self.context: dict[str, Any] = dict(started.context)
        self.signals: dict[str, Any] = {}
        self.blocked, self.held = started.blocked, started.held
        self.paused = self.has_turned = self.has_undone = False
        self.settled: set[tuple[str, Direction, int]] = set()
        self.count = 0
        self.folded: ExecutionState | None = None

    def no_way_back(self) -> bool:
        """S7: past the pivot, while it runs, or while it may have happened and can't be undone."""
        pivot = self.saga.pivot
        if self.started.forward_only or pivot is None:
            return self.started.forward_only
        story = self.steps[pivot.name]
        is_in_doubt = story.effect is not Effect.NONE and pivot.compensation is None
        is_running = story.flight is not None and story.flight[0] is ACTION
        return story.is_done or is_running or is_in_doubt

    def must_be_undone(self, name: str) -> bool:
        """S4: whether it may have happened, and there is a way to undo it."""
        step = self.saga.by_name[name]
        is_compensable = (
            step.compensation is not None
            if isinstance(step, SagaStep)
            else isinstance(step, SubSaga | ForEach)
        )
        return is_compensable and self.steps[name].effect is not Effect.NONE

    def is_past(self, name: str) -> bool:
        """S6: whether the way back is past a step."""
        story = self.steps[name]
        return story.is_undone or story.is_stuck or not self.must_be_undone(name)

    def has_settled(self) -> bool:
        """S5: whether no action is in flight, nor any child at work forward, as far as is heard."""
        return not any(story.is_moving(ACTION) for story in self.steps.values())

    def is_family(self, name: str) -> bool:
        return isinstance(self.saga.by_name[name], SubSaga | ForEach)

    def items_of(self, name: str, context: Mapping[str, Any]) -> Any:
        """What a step has a child for each of."""
        step = self.saga.by_name[name]
        return context.get(step.over) if isinstance(step, ForEach) else [None]

    def take(self, event: ev.Event) -> None:
        """Enters one event, as it is read back from its JSON (S8)."""
        read = event_json.from_json(event.type, json.loads(json.dumps(event_json.to_json(event))))
        assert read == event
        self.folded = fold([read]) if self.folded is None else evolve(self.folded, read)
        self.count += 1
        if isinstance(event, ev.StepSucceeded | ev.StepSkipped | ev.SagaAmended):
            self.context |= event.changes
        if isinstance(event, ev.StepEvent):
            _enter(self, self.steps[event.step], event)
        else:
            self._note(event)

    def take_order(self, step: str | None, order: ParentCommand) -> None:
        for name, story in self.steps.items():
            if order is ParentCommand.HALT and step in (None, name):
                story.is_halted = True

    def _note(self, event: ev.Event) -> None:
        match event:
            case ev.SagaCompensating():
                self.has_turned = True
            case ev.SagaPaused() | ev.SagaResumed():
                self.paused = isinstance(event, ev.SagaPaused)
            case ev.SagaUnblocked():
                self.blocked = False
            case ev.SagaReleased():
                self.held = False
            case ev.SagaSignalled(name=name, payload=payload):
                self.signals[name] = payload
                self.steps[name].signals += 1
            case _:
                pass


def _enter(ledger: Ledger, story: Story, event: ev.StepEvent) -> None:
    direction = event.direction
    is_action = direction is ACTION
    match event:
        case ev.StepScheduled(due_at=due_at):
            story.due, story.since = (direction, due_at), due_at
            story.counted = story.counted if is_action else 0
            story.not_counted = story.not_counted if is_action else 0
            ledger.has_undone |= not is_action
        case ev.StepClaimed(holder=holder, fence=fence):
            story.flight, story.due, story.fence = (direction, fence, holder), None, fence
            story.lease_until, story.is_together = event.lease_until, event.together
            story.tries[direction] += 1
            story.counted += 1
        case ev.StepWaiting(until=until, fence=fence):
            story.waits, story.until, story.fence = direction, until, fence
            story.tries[direction] += 1
            ledger.has_undone |= not is_action
            _begin_family(ledger, story, event)
        case ev.StepChildren(change=change, refused=refused):
            story.is_refused |= bool(refused)
            for outcome, number in change.items():
                story.heard[outcome] = story.heard.get(outcome, 0) + number
        case ev.StepRetrying(due_at=due_at):
            _settle(ledger, story, event)
            story.due = (direction, due_at)
            story.goes_alone |= event.alone
            if event.failure.kind is FailureKind.LATER or not event.counts:
                story.counted, story.not_counted = story.counted - 1, story.not_counted + 1
        case ev.StepSucceeded() | ev.StepFailed():
            _settle(ledger, story, event)
        case ev.StepWithdrawn() | ev.StepSkipped():
            was_tried = story.tries[ACTION] > 0 and not story.waits
            story.due = story.waits = None
            story.is_done = isinstance(event, ev.StepSkipped)
            story.has_failed = was_tried and not story.is_done
            story.wrote |= set(event.changes) if isinstance(event, ev.StepSkipped) else set()
        case ev.StepExpedited(due_at=due_at):
            story.due = (direction, due_at)
        case ev.StepReopened(due_at=due_at):
            story.counted, story.since = 0, due_at
            story.not_counted = story.tries[direction]
            story.has_failed = story.is_stuck = False
            story.due = None if is_action else (direction, due_at)
            story.was_helped |= not is_action
        case ev.StepResolved():
            story.effect = Effect.NONE if is_action else story.effect
            story.is_undone, story.is_stuck = not is_action, False


def _begin_family(ledger: Ledger, story: Story, event: ev.StepWaiting) -> None:
    if event.direction is ACTION:
        items = ledger.items_of(event.step, ledger.context)
        story.total = len(items) if isinstance(items, list) else 0
        story.heard, story.is_halted, story.is_refused = {}, False, False
        return
    story.heard.pop(Outcome.STUCK, None)  # those are tried again, and will tell again
    story.was_helped |= story.is_stuck
    story.is_stuck = False


def _settle(
    ledger: Ledger, story: Story, event: ev.StepSucceeded | ev.StepRetrying | ev.StepFailed
) -> None:
    is_action = event.direction is ACTION
    ledger.settled.add((event.step, event.direction, event.attempt))
    if isinstance(event, ev.StepSucceeded):
        story.wrote |= set(event.changes)
        story.effect = Effect.APPLIED if is_action else story.effect
        story.is_done, story.is_undone = story.is_done or is_action, not is_action
    else:
        story.effect = effect_after(ledger, event)
    if isinstance(event, ev.StepFailed):
        story.has_failed |= is_action
        story.is_stuck = not is_action
    if isinstance(event, ev.StepSucceeded) or event.reported:
        story.reported = event.fence
    story.flight = story.lease_until = story.waits = None


def effect_after(ledger: Ledger, event: ev.StepRetrying | ev.StepFailed) -> Effect:
    """S4: the strongest that any attempt may have had; children that were started count."""
    story, step = ledger.steps[event.step], ledger.saga.by_name[event.step]
    if event.direction is COMPENSATION or (isinstance(step, SagaStep) and step.atomic):
        return story.effect
    found = TRACE_OF.get(event.failure.kind, Effect.NONE)
    if story.children:
        found = Effect.APPLIED
    return max(story.effect, found, key=list(Effect).index)


def due_now(ledger: Ledger, now: datetime) -> set[tuple[str, Direction, int]]:
    """Step, direction and fence of all that may be claimed, as the events have it."""
    if ledger.paused:
        return set()
    return {
        (name, story.due[0], story.fence)
        for name, story in ledger.steps.items()
        if story.due is not None and story.due[1] <= now
    }
