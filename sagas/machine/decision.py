"""What `decide` answers, and what every answer is made of: how steps begin and end (S10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sagas.machine.added_items import added, list_at_work
from sagas.machine.definition import Saga
from sagas.machine.events import (
    Event,
    SagaRunning,
    SetsDue,
    StepAsked,
    StepEvent,
    StepFailed,
    StepRefused,
    StepSucceeded,
)
from sagas.machine.evolve import evolve
from sagas.machine.facts import ParentCommand, Signal
from sagas.machine.failures import EFFECT_OF, Failure, FailureKind
from sagas.machine.family_steps import ForEach
from sagas.machine.state import ExecutionState, execution_with, step_with
from sagas.machine.states import Direction, Effect, ExecutionStatus, StepStatus, statically_frozen
from sagas.machine.tree import FirstOf
from sagas.machine.waiting_steps import collects
from sagas.machine.wake import Hint, hints, still_holds


class Verdict(StrEnum):
    """What became of a fact."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """It makes no sense as things stand, and `Decision.reason` says why; or it is a claim of
    something that is not due, or somebody else's. Nothing changed (R1)."""
    REPEATED = "repeated"
    """The fact is known already. Nothing changed (R6)."""
    LATE = "late"
    """A report under a fence that was shut out: recorded, without effect (R5, R12)."""


@statically_frozen(frozen=True, slots=True)
class Recorded:
    """An event with its number, and the execution's status after it."""

    seq: int
    status: ExecutionStatus
    event: Event


@statically_frozen(frozen=True, slots=True)
class Start:
    """Children of `step`, from number `first` (from 0), `count` of them, to be started in the
    transaction that saves this decision."""

    step: str
    first: int
    count: int
    signals: tuple[Signal, ...] = ()
    """Of a round: those that it begins with."""


@statically_frozen(frozen=True, slots=True)
class ChildCommand:
    """A command for the children of `step`, or for all if None, to be left with them in the
    transaction that saves this decision; with a `number`, for that child alone."""

    step: str | None
    command: ParentCommand
    number: int | None = None


@statically_frozen(frozen=True, slots=True)
class Decision:
    """What became of the fact, the state after it, the events that led there, what the children
    have to do with it, and the steps that the workers must be told of, after the commit."""

    verdict: Verdict
    state: ExecutionState
    events: tuple[Recorded, ...]
    hints: tuple[Hint, ...]
    starts: tuple[Start, ...] = ()
    child_commands: tuple[ChildCommand, ...] = ()
    reason: str = ""
    """Of a refusal, for whoever asked."""

    def then(self, later: "Decision") -> "Decision":
        """This decision and the next one, which began with its state, as one. A hint that the
        next one has overtaken, as its claim of the step does, is not sent."""
        open_still = [hint for hint in self.hints if still_holds(hint, later.state)]
        return Decision(
            later.verdict,
            later.state,
            self.events + later.events,
            tuple(dict.fromkeys([*open_still, *later.hints])),
            self.starts + later.starts,
            self.child_commands + later.child_commands,
            later.reason,
        )


@dataclass(slots=True)
class Draft:
    """A decision in the making: every event is applied as soon as it is decided."""

    definition: Saga
    state: ExecutionState
    now: datetime
    events: list[Recorded] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    child_commands: list[ChildCommand] = field(default_factory=list)
    reason: str = ""

    def emit(self, event: Event) -> None:
        if self.state.options.asked and isinstance(event, StepEvent):
            self._record_asks(event)
        self.state = state = evolve(self.state, event)
        self.events.append(Recorded(state.last_seq, state.status, event))

    def ask(self, name: str, changes: Mapping[str, Any]) -> None:
        """Changes a poll without an event."""
        state = self.state
        step = step_with(state.step(name), changes)
        options = replace(state.options, asked=state.options.asked + 1)
        self.state = execution_with(
            state, {"steps": {**state.steps, name: step}, "options": options}
        )

    def _record_asks(self, before: StepEvent) -> None:
        name, step = before.step, self.state.step(before.step)
        if step.asks and not isinstance(before, StepAsked):
            self.emit(
                StepAsked(
                    name,
                    Direction.ACTION,
                    step.attempts,
                    step.fence,
                    step.asks,
                    self.state.options.asked,
                    step.reported,
                    step.holder,
                    step.due_at,
                    step.lease_until,
                    step.together,
                )
            )

    def refuse(self, reason: str) -> Verdict:
        self.reason = reason
        return Verdict.REFUSED

    def decision(self, verdict: Verdict, *, repeat_hints: bool = False) -> Decision:
        """The finished decision. Hints go out for steps that became due by it; if
        `repeat_hints`, for all that are due (R2)."""
        return Decision(
            verdict,
            self.state,
            tuple(self.events),
            tuple(hints(self.state, self.now, None if repeat_hints else self._made_due())),
            tuple(self.starts),
            tuple(self.child_commands),
            self.reason,
        )

    def _made_due(self) -> Iterable[str]:
        """The steps that this decision gave another time to be due at, in order."""
        return {each.event.step: None for each in self.events if isinstance(each.event, SetsDue)}


def start_running(draft: Draft) -> None:
    """The first thing that happens to any step sets its execution going."""
    if draft.state.status is ExecutionStatus.PENDING:
        draft.emit(SagaRunning())


def fail_unclaimed(draft: Draft, name: str, failure: Failure, effect: Effect) -> None:
    """Gives up a step that nobody claims: a wait, or one made of children."""
    step = draft.state.step(name)
    draft.emit(
        StepFailed(
            name,
            step.direction or Direction.ACTION,
            step.attempts_of(step.direction or Direction.ACTION),
            step.fence,
            failure,
            step.effect.or_stronger(effect),
            reported=False,
        )
    )


def succeed_unclaimed(draft: Draft, name: str, changes: Mapping[str, Any]) -> None:
    """Ends a step that nobody claims, and adds `changes` to the context."""
    if conflict := conflicting(draft, name, Direction.ACTION, changes):
        fail_unclaimed(draft, name, conflict, EFFECT_OF[conflict.kind])
        return
    step = draft.state.step(name)
    draft.emit(StepSucceeded(name, Direction.ACTION, step.attempts, step.fence, changes))


def what_came(draft: Draft, name: str) -> dict[str, list[Any]]:
    """What signals add to the context if a step ends now that collects them, or grows by them."""
    step = draft.definition.by_name.get(name)
    if isinstance(step, ForEach):
        return added(step, draft.state)
    if not collects(step):
        return {}
    return {name: [*draft.state.options.collected.get(name, ())]}


def accept_refusal(draft: Draft, name: str, failure: Failure | None) -> None:
    """Goes on without a step whose refusal the definition accepts; the context says why."""
    step = draft.state.step(name)
    assert failure is not None, "what was refused has a reason"
    why = {"error": failure.error, "message": failure.message}
    draft.emit(
        StepRefused(
            name, Direction.ACTION, step.attempts, step.fence, failure, {f"{name}_failed": why}
        )
    )


def why_no_way_back(draft: Draft) -> str:
    """Why the saga can't turn back as things stand; empty if it can (S7).

    Not after the pivot, nor while it runs, nor from one that may have landed and can't be undone:
    the steps before it must not be taken back from under it.
    """
    if draft.state.options.forward_only:
        return "It is part of a saga that is past its pivot: it only goes forward."
    for pivot in draft.definition.pivots:
        step = draft.state.step(pivot.name)
        if step.is_done:
            return f"It is past its pivot, {pivot.name}: it only goes forward."
        if step.status is StepStatus.RUNNING:
            return f"Its pivot, {pivot.name}, is running: wait until it has settled."
        if step.effect is not Effect.NONE and pivot.compensation is None:
            return (
                f"Its pivot, {pivot.name}, may have happened, and has no compensation: find out, "
                f"then skip it (it did) or resolve it (it did not)."
            )
    return ""


def is_left_out(draft: Draft, name: str) -> bool:
    """Whether a choice took another way than the one to a step; or another member of its `FirstOf`
    has ended, which nothing says yet while the saga is paused."""
    if draft.definition.leaves_out(name, draft.state.options.choices):
        return True
    for choice, _ in draft.definition.ways_to.get(name, ()):
        first_of = draft.definition.choices[choice]
        others = [other for other in first_of.ways if other != name]
        if isinstance(first_of, FirstOf) and any(draft.state.step(n).is_done for n in others):
            return True
    return False


def is_past_pivot(definition: Saga, state: ExecutionState) -> bool:
    """Whether a pivot has succeeded, or was skipped: there is no way back any more (S7)."""
    return any(state.step(pivot.name).is_done for pivot in definition.pivots)


def conflicting(
    draft: Draft, name: str, direction: Direction, changes: Mapping[str, Any]
) -> Failure | None:
    """Two parallel branches that change one key are an error, not a race; so is one that changes
    the list whose items another is working on.

    Not so for compensations: what they say of having undone their work must not undo that.
    """
    beside = sorted(draft.definition.concurrent[name])
    if direction is Direction.COMPENSATION or not beside:
        return None
    for other in beside:
        if both := sorted(set(draft.state.step(other).wrote) & set(changes)):
            return _conflict(
                f"Steps {name} and {other} run side by side and both changed {', '.join(both)}."
            )
    if other := list_at_work(draft.definition, draft.state, changes, beside):
        return _conflict(f"Step {name} changed the list whose items {other} is working on.")
    return None


def _conflict(what: str) -> Failure:
    advice = "Let each branch write its own keys."
    return Failure(FailureKind.CONFLICT, "ContextConflict", f"{what} {advice}")
