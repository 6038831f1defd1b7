"""What follows from a fact. This file and the tables in `states` own every transition.

`decide` is a pure function: from a definition, a state, a fact and the time it gives events and
the state that they lead to. It reads no clock and sends nothing. Whoever calls it holds the row's
lock, saves both in one transaction, and afterwards sends a hint for each step that is due.

First the fact itself is answered (a claim, a report, an ended lease). Then `_follow` asks what
the new state makes possible: steps that may start, the turn back, the end. A fact that comes too
late or twice changes nothing, and the verdict says so.

The decider's form, events decided and then applied, is Chassaing's ("Functional Event Sourcing
Decider", 2021); sagas and compensations are Garcia-Molina and Salem's ("Sagas", SIGMOD 1987).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from sagas.machine import events as ev
from sagas.machine.context import idempotency_key
from sagas.machine.decision import Decision, Recorded, Verdict
from sagas.machine.definition import Saga
from sagas.machine.facts import Claim, Fact, Failed, Report, Succeeded, Woken
from sagas.machine.failures import EFFECT_OF, RETRIED, Failure, FailureKind
from sagas.machine.order import frontier, is_done, is_undone
from sagas.machine.state import ExecutionState, StepState
from sagas.machine.states import (
    GOING_FORWARD,
    IN_FLIGHT,
    SCHEDULED,
    Direction,
    Effect,
    ExecutionStatus,
    StepStatus,
)
from sagas.machine.wake import hints


@dataclass(slots=True)
class _Draft:
    """A decision in the making: every event is applied as soon as it is decided."""

    definition: Saga
    state: ExecutionState
    now: datetime
    events: list[Recorded] = field(default_factory=list)

    def emit(self, event: ev.Event) -> None:
        self.state = ev.evolve(self.state, event)
        self.record(event)

    def record(self, event: ev.Event) -> None:
        self.events.append(Recorded(self.state.last_seq, self.state.status, event))

    def decision(self, verdict: Verdict, *, repeat_hints: bool = False) -> Decision:
        """The finished decision. Hints go out for steps that became due by it; if
        `repeat_hints`, for all that are due (R2)."""
        fresh = {
            recorded.event.step
            for recorded in self.events
            if isinstance(recorded.event, ev.StepScheduled | ev.StepRetrying)
        }
        due = hints(self.state, self.now)
        told = tuple(hint for hint in due if repeat_hints or hint.step in fresh)
        return Decision(verdict, self.state, tuple(self.events), told)


def start(definition: Saga, started: ev.SagaStarted, now: datetime) -> Decision:
    """The first decision of an execution: it begins, and its first steps are due."""
    draft = _Draft(definition, ev.begin(started), now)
    draft.record(started)
    _follow(draft)
    return draft.decision(Verdict.ACCEPTED)


def decide(definition: Saga, state: ExecutionState, fact: Fact, now: datetime) -> Decision:
    """What follows from `fact`. `now` is the database's clock, read under the row's lock (S13)."""
    draft = _Draft(definition, state, now)
    match fact:
        case Claim():
            verdict = _claim(draft, fact)
        case Succeeded() | Failed():
            verdict = _report(draft, fact)
        case Woken():
            verdict = _end_leases(draft)
        case _:
            assert_never(fact)
    return draft.decision(verdict, repeat_hints=isinstance(fact, Woken))


def _claim(draft: _Draft, fact: Claim) -> Verdict:
    step = draft.state.step(fact.step)
    if _is_own_claim(step, fact):
        return Verdict.REPEATED
    is_due = (
        fact.step in draft.definition.by_name
        and step.status is SCHEDULED[fact.direction]
        and step.fence == fact.fence
        and step.due_at is not None
        and step.due_at <= draft.now
    )
    if not is_due or draft.state.paused:
        return Verdict.REFUSED
    if draft.state.status is ExecutionStatus.PENDING:
        draft.emit(ev.SagaRunning())
    draft.emit(
        ev.StepClaimed(
            fact.step,
            fact.direction,
            attempt=step.attempts_of(fact.direction) + 1,
            fence=step.fence + 1,
            holder=fact.holder,
            lease_until=draft.now + draft.definition.by_name[fact.step].lease,
        )
    )
    return Verdict.ACCEPTED


def _is_own_claim(step: StepState, fact: Claim) -> bool:
    """Whether this very claim was committed before; its caller may have been told otherwise."""
    return (
        step.status is IN_FLIGHT[fact.direction]
        and step.holder == fact.holder
        and step.fence == fact.fence + 1
    )


def _report(draft: _Draft, fact: Report) -> Verdict:
    step = draft.state.step(fact.step)
    if fact.fence == step.reported:
        return Verdict.REPEATED
    if step.status is not IN_FLIGHT[fact.direction] or step.fence != fact.fence:
        failure = fact.failure if isinstance(fact, Failed) else None
        succeeded = isinstance(fact, Succeeded)
        draft.emit(ev.StepLate(fact.step, fact.direction, fact.fence, succeeded, failure))
        return Verdict.LATE
    if isinstance(fact, Failed):
        _settle_failure(draft, fact.step, fact.direction, fact.failure, reported=True)
    elif conflict := _conflict(draft, fact):
        _settle_failure(draft, fact.step, fact.direction, conflict, reported=True)
    else:
        attempt = step.attempts_of(fact.direction)
        draft.emit(ev.StepSucceeded(fact.step, fact.direction, attempt, fact.fence, fact.changes))
    _follow(draft)
    return Verdict.ACCEPTED


def _end_leases(draft: _Draft) -> Verdict:
    """Shuts out every claim whose lease has ended: what it did is unknown (R4, R5)."""
    for direction in Direction:
        for name in list(draft.state.in_flight(direction)):
            lease_until = draft.state.step(name).lease_until
            if lease_until is not None and lease_until <= draft.now:
                failure = Failure(
                    FailureKind.UNKNOWN,
                    "LeaseExpired",
                    "No result came before the lease ended: the worker was killed, cut off or "
                    "too slow.",
                )
                _settle_failure(draft, name, direction, failure, reported=False)
    if draft.events:
        _follow(draft)
    return Verdict.ACCEPTED


def _settle_failure(
    draft: _Draft, name: str, direction: Direction, failure: Failure, *, reported: bool
) -> None:
    """Schedules another attempt, or gives the step up."""
    step = draft.state.step(name)
    attempt = step.attempts_of(direction)
    policy = draft.definition.by_name[name].policy(direction)
    effect = step.effect
    if direction is Direction.ACTION:
        effect = effect.or_stronger(EFFECT_OF[failure.kind])
    may_retry = (
        failure.kind in RETRIED
        and attempt < policy.max_attempts
        and (direction is Direction.COMPENSATION or draft.state.status in GOING_FORWARD)
    )
    if not may_retry:
        draft.emit(ev.StepFailed(name, direction, attempt, step.fence, failure, effect, reported))
        return
    key = idempotency_key(draft.state.saga_id, name, direction)
    due_at = draft.now + policy.delay(attempt, key)
    draft.emit(
        ev.StepRetrying(name, direction, attempt, step.fence, failure, effect, reported, due_at)
    )


def _conflict(draft: _Draft, fact: Succeeded) -> Failure | None:
    """Two parallel branches that change one key are an error, not a race (S10).

    Not so for compensations: what they say of having undone their work must not undo that.
    """
    if fact.direction is Direction.COMPENSATION:
        return None
    for other in sorted(draft.definition.concurrent[fact.step]):
        if both := sorted(set(draft.state.step(other).wrote) & fact.changes.keys()):
            return Failure(
                FailureKind.CONFLICT,
                "ContextConflict",
                f"Steps {fact.step} and {other} run side by side and both changed "
                f"{', '.join(both)}. Let each branch write keys of its own.",
            )
    return None


def _follow(draft: _Draft) -> None:
    """What the state makes possible, until nothing more follows."""
    if draft.state.status in GOING_FORWARD:
        _go_forward(draft)
    if draft.state.status is ExecutionStatus.COMPENSATING:
        _go_back(draft)


def _go_forward(draft: _Draft) -> None:
    failed = [name for name, step in draft.state.steps.items() if step.status is StepStatus.FAILED]
    if failed and _may_turn_back(draft):
        _turn_back(draft, failed[0])
        return
    ahead = frontier(draft.definition.body, lambda step: is_done(draft.state.step(step.name)))
    if not ahead:
        draft.emit(ev.SagaCompleted())
        return
    for step in ahead:
        if draft.state.step(step.name).status is StepStatus.PENDING:
            draft.emit(ev.StepScheduled(step.name, Direction.ACTION, draft.now))
    if failed and not draft.state.current_steps:
        draft.emit(ev.SagaFailed(tuple(failed)))


def _may_turn_back(draft: _Draft) -> bool:
    """There is no way back after the pivot (S7), nor from one that may have landed and can't be
    undone: the steps before it must not be taken back from under it."""
    pivot = draft.definition.pivot
    if pivot is None:
        return True
    state = draft.state.step(pivot.name)
    if is_done(state):
        return False
    return state.effect is Effect.NONE or pivot.compensation is not None


def _turn_back(draft: _Draft, because: str) -> None:
    """Nothing new starts from here on; what is in flight settles first (S5, R9)."""
    failure = draft.state.step(because).failure
    assert failure is not None, "a failed step has its failure"
    draft.emit(ev.SagaCompensating(because, failure))
    for name in list(draft.state.scheduled(Direction.ACTION)):
        draft.emit(ev.StepWithdrawn(name, Direction.ACTION))


def _go_back(draft: _Draft) -> None:
    if any(draft.state.in_flight(Direction.ACTION)):
        return
    ahead = frontier(
        draft.definition.body,
        lambda step: is_undone(step, draft.state.step(step.name)),
        backward=True,
    )
    for step in ahead:
        if draft.state.step(step.name).direction is None:
            draft.emit(ev.StepScheduled(step.name, Direction.COMPENSATION, draft.now))
    if ahead:
        return
    left = tuple(
        name
        for name, step in draft.state.steps.items()
        if step.status is StepStatus.COMPENSATION_FAILED
    )
    draft.emit(ev.SagaFailed(left) if left else ev.SagaCompensated())
