"""What the events said of each step, kept apart from the machine's own state, to hold it to it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sagas.machine import (
    Claim,
    Direction,
    Effect,
    ExecutionState,
    Fact,
    Failed,
    FailureKind,
    FirstOf,
    ForEach,
    Lost,
    Outcome,
    ParentCommand,
    Pivot,
    Poll,
    Repeat,
    Saga,
    SagaStep,
    event_from_json,
    event_to_json,
    evolve,
    fold,
)
from sagas.machine import events as ev
from sagas.machine.context import idempotency_key
from sagas.machine.family_steps import Family
from sagas.machine.parameters import as_timedelta
from tests.machine.conversation import ACTION, COMPENSATION
from tests.properties.shapes import precedence
from tests.properties.story import Story

TRACE_OF: Final = {FailureKind.UNKNOWN: Effect.POSSIBLE, FailureKind.CONFLICT: Effect.APPLIED}
"""Failures that may leave something at a participant."""


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
                if other != name
                and (name, other) not in pairs
                and (other, name) not in pairs
                and not _exclude_each_other(saga, name, other)
            ]
            for name in names
        }
        self.context: dict[str, Any] = dict(started.context)
        self.chosen: dict[str, str] = {}
        self.asked = 0
        self.blocked, self.held = started.blocked, started.held
        self.paused = self.has_turned = self.has_undone = False
        self.settled: set[tuple[str, Direction, int]] = set()
        self.count = 0
        self.folded: ExecutionState | None = None

    def no_way_back(self) -> bool:
        """S7: past the pivot, while it runs, or while it may have happened and can't be undone."""
        return self.started.forward_only or any(map(self._is_at_pivot, self.saga.pivots))

    def _is_at_pivot(self, pivot: Pivot) -> bool:
        story = self.steps[pivot.name]
        is_in_doubt = story.effect is not Effect.NONE and pivot.compensation is None
        is_running = story.flight is not None and story.flight[0] is ACTION
        return story.is_done or is_running or is_in_doubt

    def is_past_pivot(self) -> bool:
        """S7: whether a pivot has succeeded, or was skipped."""
        return any(self.steps[pivot.name].is_done for pivot in self.saga.pivots)

    def is_left_out(self, name: str) -> bool:
        """S3: whether a choice has taken another way."""
        return any(
            self.chosen.get(choice, way) != way for choice, way in self.saga.ways_to.get(name, ())
        )

    def comes_second(self, name: str) -> bool:
        """R13: whether a choice has taken another way, or another wait has ended before it."""
        rivals = [
            other
            for choice, _ in self.saga.ways_to.get(name, ())
            if isinstance(self.saga.choices[choice], FirstOf)
            for other in self.saga.choices[choice].ways
            if other != name
        ]
        return self.is_left_out(name) or any(self.steps[other].is_done for other in rivals)

    def is_passed(self, name: str) -> bool:
        """S3: whether the way forward is past a step."""
        return self.steps[name].is_done or self.is_left_out(name)

    def must_be_undone(self, name: str) -> bool:
        """S4: whether it may have happened, and there is a way to undo it."""
        step = self.saga.by_name[name]
        is_compensable = (
            step.compensation is not None
            if isinstance(step, SagaStep)
            else isinstance(step, Family)
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
        return isinstance(self.saga.by_name[name], Family)

    def tolerates(self, name: str) -> bool:
        """Whether a step goes on without some of its children."""
        step = self.saga.by_name[name]
        return isinstance(step, ForEach) and (step.on_failure == "continue" or bool(step.enough))

    def is_complete(self, name: str, heard: Mapping[Outcome, int]) -> bool:
        """S3: whether, as far as is heard, a step has what it needs of its children, and the
        others have undone what they did."""
        step, story = self.saga.by_name[name], self.steps[name]
        done = heard.get(Outcome.COMPLETED, 0) + heard.get(Outcome.FINAL, 0)
        enough = step.enough if isinstance(step, ForEach) else None
        if isinstance(step, ForEach) and step.grows_by and not story.is_closed:
            return False
        if not self.tolerates(name):
            return done == story.total == len(story.children)
        is_over = done + heard.get(Outcome.UNDONE, 0) == len(story.children)
        has_enough = done >= enough if enough else len(story.children) == story.total
        return is_over and has_enough and not story.is_refused

    def has_failed(self, name: str) -> bool:
        """Whether a step made of children can't succeed any more."""
        step, story = self.saga.by_name[name], self.steps[name]
        lost = sum(story.heard.get(o, 0) for o in (Outcome.GAVE_UP, Outcome.UNDONE, Outcome.STUCK))
        if isinstance(step, ForEach) and self.tolerates(name):
            return story.is_refused or (bool(step.enough) and story.total - lost < step.enough)  # type: ignore[operator]
        return story.is_refused or lost > 0

    def items_of(self, name: str, context: Mapping[str, Any]) -> Any:
        """What a step has a child for each of."""
        step = self.saga.by_name[name]
        if isinstance(step, Repeat):
            return [None] * max(self.steps[name].total, 1)
        if not isinstance(step, ForEach):
            return [None]
        if not step.grows_by:
            return context.get(step.over)
        items = context.get(step.over, [])
        return [*items, *self.steps[name].signals] if isinstance(items, list) else items

    def take(self, event: ev.Event) -> None:
        """Enters one event, as it is read back from its JSON (S8)."""
        read = event_from_json(event.type, json.loads(json.dumps(event_to_json(event))))
        assert read == event
        self.folded = fold([read]) if self.folded is None else evolve(self.folded, read)
        self.count += 1
        if isinstance(event, ev.Adds | ev.SagaAmended):
            self.context |= event.changes
        elif isinstance(event, ev.StepChildren):
            self.context |= event.adds or {}
        if isinstance(event, ev.StepEvent):
            _enter(self, self.steps[event.step], event)
        else:
            self._note(event)

    def take_ask(self, fact: Fact, now: datetime) -> None:
        """Enters what is no event: that a poll is asked, or has no answer yet."""
        self.asked += 1
        if isinstance(fact, Claim):
            story, poll = self.steps[fact.step], self.saga.claimed_step(fact.step)
            assert isinstance(poll, Poll)
            story.flight, story.due = (ACTION, story.fence + 1, fact.holder), None
            story.lease_until, story.is_together = now + poll.lease, fact.together
            story.fence, story.asks = story.fence + 1, story.asks + 1
            count = 1
        else:
            assert isinstance(fact, Failed | Lost)
            story, poll = self.steps[fact.step], self.saga.claimed_step(fact.step)
            assert isinstance(poll, Poll)
            key = idempotency_key("s-1", fact.step, ACTION)
            wait = fact.wait if isinstance(fact, Failed) else None
            delay = poll.wait(story.asks, key) if wait is None else timedelta(seconds=wait)
            assert story.since is not None
            last = now + delay if poll.timeout is None else story.since + as_timedelta(poll.timeout)
            story.due, story.reported = (ACTION, min(now + delay, last)), story.fence
            story.flight = story.lease_until = None
            count = -1
        story.tries[ACTION] += count
        story.counted += count

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
            case ev.SagaSignalled(goes_to=name, payload=payload) if name:
                story, is_new = self.steps[name], event.collected
                story.keys |= {key_of(event.name, event.key): payload} if event.key else {}
                story.signals += [payload] if is_new else []
                story.is_closed |= not is_new
                story.total += is_new and story.tries[ACTION] > 0
            case ev.SagaSignalled(name=name) if name not in self.steps:
                story = self.steps[self.saga.signals[name].name]
                story.keys |= {key_of(name, event.key): event.payload} if event.key else {}
                story.signals += [] if event.taken else [(name, event.payload)]
            case ev.SagaSignalled(name=name, payload=payload):
                self.steps[name].signals.append(payload)
                self.steps[name].keys |= {event.key: payload} if event.key else {}
            case ev.SagaChose(choice=choice, way=way):
                self.chosen[choice] = way
                self.context |= event.changes
            case _:
                pass


def key_of(signal: str, key: str) -> str:
    """What a step that takes two signals knows each key by."""
    return f"{signal}/{key}"


def _exclude_each_other(saga: Saga, one: str, other: str) -> bool:
    """Whether they stand on two ways of one choice."""
    ways = dict(saga.ways_to.get(one, ()))
    return any(ways.get(choice, way) != way for choice, way in saga.ways_to.get(other, ()))


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
        case ev.StepAsked():
            _check_asked(ledger, story, event)
            story.asks = 0
        case ev.StepWaiting(until=until, fence=fence):
            story.waits, story.until, story.fence = direction, until, fence
            story.tries[direction] += 1
            ledger.has_undone |= not is_action
            story.remind_at = event.remind_at
            _begin_family(ledger, story, event)
        case ev.StepReminded(number=number, remind_at=remind_at):
            story.reminded, story.remind_at = number, remind_at
        case ev.StepChildren(change=change, refused=refused):
            if event.hands:
                story.handed, story.signals = story.signals, []
            story.is_refused |= bool(refused)
            story.total += event.adds is not None
            story.wrote |= set(event.adds or {})
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
        case ev.StepRefused():
            assert story.effect is Effect.NONE or ledger.is_family(event.step), "S4"
            _settle(ledger, story, event)
        case ev.StepWithdrawn() | ev.StepSkipped():
            was_tried = story.tries[ACTION] > 0 and not story.waits
            story.due = story.waits = story.remind_at = None
            story.is_done = isinstance(event, ev.StepSkipped)
            story.has_failed = was_tried and not story.is_done
            story.wrote |= set(event.changes) if isinstance(event, ev.StepSkipped) else set()
        case ev.StepExpedited(due_at=due_at):
            if story.waits:
                story.until = due_at
            else:
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


def _check_asked(ledger: Ledger, story: Story, event: ev.StepAsked) -> None:
    """S8: it tells of all that was done since the last event, and of nothing else."""
    assert (event.asks, event.asked) == (story.asks, ledger.asked)
    assert (event.fence, event.reported) == (story.fence, story.reported)
    assert event.attempt == story.tries[ACTION]
    assert event.lease_until == story.lease_until
    assert event.due_at == (story.due and story.due[1])
    if story.flight is not None:
        assert (event.holder, event.together) == (story.flight[2], story.is_together)


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
    ledger: Ledger,
    story: Story,
    event: ev.StepSucceeded | ev.StepRefused | ev.StepRetrying | ev.StepFailed,
) -> None:
    is_action = event.direction is ACTION
    ledger.settled.add((event.step, event.direction, event.attempt))
    if isinstance(event, ev.StepRefused):
        story.wrote |= set(event.changes)
        story.is_done = True
    elif isinstance(event, ev.StepSucceeded):
        story.wrote |= set(event.changes)
        story.effect = Effect.APPLIED if is_action else story.effect
        story.is_done, story.is_undone = story.is_done or is_action, not is_action
    else:
        story.effect = effect_after(ledger, event)
    if isinstance(event, ev.StepFailed):
        story.has_failed |= is_action
        story.is_stuck = not is_action
    if isinstance(event, ev.StepSucceeded | ev.StepRefused) or event.reported:
        story.reported = event.fence
    story.flight = story.lease_until = story.waits = story.remind_at = None


def effect_after(ledger: Ledger, event: ev.StepRetrying | ev.StepFailed) -> Effect:
    """S4: the strongest that any attempt may have had; children that were started count."""
    story, step = ledger.steps[event.step], ledger.saga.by_name[event.step]
    is_unseen = isinstance(step, Poll) or (isinstance(step, SagaStep) and step.atomic)
    if event.direction is COMPENSATION or is_unseen:
        return story.effect
    found = TRACE_OF.get(event.failure.kind, Effect.NONE)
    if story.children:
        are_undone = story.heard.get(Outcome.UNDONE, 0) == len(story.children)
        found = Effect.NONE if are_undone else Effect.APPLIED
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
