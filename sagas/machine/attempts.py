"""Attempts: who may claim one, and what follows from how it ended."""

from datetime import timedelta
from typing import Final

from sagas.machine import events as ev
from sagas.machine.context import idempotency_key
from sagas.machine.decision import Draft, Verdict
from sagas.machine.facts import Claim, Failed, Lost, Progress, Report, Succeeded
from sagas.machine.failures import EFFECT_OF, RETRIED, Failure, FailureKind
from sagas.machine.retry import HELD_BACK
from sagas.machine.settling import conflicting, start_running
from sagas.machine.state import StepState
from sagas.machine.states import (
    GOING_FORWARD,
    IN_FLIGHT,
    SCHEDULED,
    Direction,
)

GOES_ALONE: Final = "It goes alone: its process has died in an earlier attempt."

WORKER_LOST: Final = Failure(
    FailureKind.UNKNOWN,
    "WorkerLost",
    "The process that ran it died: killed, crashed, short of memory, shut down, or past its "
    "hard time limit. The worker's log of that moment says which.",
)
NOT_BEGUN: Final = Failure(
    FailureKind.LATER, "WorkerLost", "The process that had claimed it died before it was begun."
)
LEASE_EXPIRED: Final = Failure(
    FailureKind.UNKNOWN,
    "LeaseExpired",
    "No result came before the lease ended: the worker was killed, cut off or too slow.",
)


def claim(draft: Draft, fact: Claim) -> Verdict:
    """Hands the step to its claimant, if it is due and the hint is not stale."""
    step = draft.state.step(fact.step)
    if _is_own_claim(step, fact):
        return Verdict.REPEATED
    definition = draft.definition.claimed_step(fact.step)
    is_due = (
        step.status is SCHEDULED[fact.direction]
        and step.fence == fact.fence
        and step.due_at is not None
        and step.due_at <= draft.now
    )
    if not is_due or definition is None or draft.state.paused:
        return Verdict.REFUSED
    if step.alone and fact.together:
        return draft.refuse(GOES_ALONE)
    start_running(draft)
    draft.emit(
        ev.StepClaimed(
            fact.step,
            fact.direction,
            attempt=step.attempts_of(fact.direction) + 1,
            fence=step.fence + 1,
            holder=fact.holder,
            lease_until=draft.now + definition.lease,
            together=fact.together,
        )
    )
    return Verdict.ACCEPTED


def report(draft: Draft, fact: Report) -> Verdict:
    """Settles an attempt, if its holder is still believed (S1)."""
    step = draft.state.step(fact.step)
    if fact.fence == step.reported:
        return Verdict.REPEATED
    if step.status is not IN_FLIGHT[fact.direction] or step.fence != fact.fence:
        failure = fact.failure if isinstance(fact, Failed) else None
        succeeded = isinstance(fact, Succeeded)
        draft.emit(ev.StepLate(fact.step, fact.direction, fact.fence, succeeded, failure))
        return Verdict.LATE
    if isinstance(fact, Failed):
        settle_failure(
            draft,
            fact.step,
            fact.direction,
            fact.failure,
            reported=True,
            final=fact.final,
            wait=fact.wait,
        )
    elif conflict := conflicting(draft, fact.step, fact.direction, fact.changes):
        settle_failure(draft, fact.step, fact.direction, conflict, reported=True)
    else:
        attempt = step.attempts_of(fact.direction)
        draft.emit(ev.StepSucceeded(fact.step, fact.direction, attempt, fact.fence, fact.changes))
    return Verdict.ACCEPTED


def lost(draft: Draft, fact: Lost) -> Verdict:
    """Shuts out a claim whose process is dead, before its lease ends."""
    step = draft.state.step(fact.step)
    is_held = step.status is IN_FLIGHT[fact.direction] and step.fence == fact.fence
    if not is_held or step.holder != fact.holder:
        return draft.refuse("The claim is settled, or somebody else's.")
    _settle_death(draft, fact.step, fact.direction, WORKER_LOST, fact.progress)
    return Verdict.ACCEPTED


def end_leases(draft: Draft) -> None:
    """Shuts out every claim whose lease has ended: what it did is unknown (R4, R5)."""
    for direction in Direction:
        for name in list(draft.state.in_flight(direction)):
            lease_until = draft.state.step(name).lease_until
            if lease_until is not None and lease_until <= draft.now:
                _settle_death(draft, name, direction, LEASE_EXPIRED, Progress.UNKNOWN)


def _settle_death(
    draft: Draft, name: str, direction: Direction, failure: Failure, progress: Progress
) -> None:
    """Settles an attempt that nobody reports (S14).

    Whatever else its process had claimed together with it may have been the death of it, unless
    that came in this very action. So it does not count, and goes alone from now on: then it is
    beside no other, and each counts.
    """
    if progress is Progress.NOT_BEGUN:
        settle_failure(draft, name, direction, NOT_BEGUN, reported=False)
        return
    together, is_running = draft.state.step(name).together, progress is Progress.RUNNING
    settle_failure(
        draft,
        name,
        direction,
        failure,
        reported=False,
        counts=is_running or not together,
        alone=is_running or together,
    )


def settle_failure(
    draft: Draft,
    name: str,
    direction: Direction,
    failure: Failure,
    *,
    reported: bool,
    final: bool = False,
    wait: float | None = None,
    counts: bool = True,
    alone: bool = False,
) -> None:
    """Schedules another attempt, or gives the step up. An attempt that does not count leaves the
    step as many as it had. `wait` is the delay in seconds that a `Later` asked for."""
    step = draft.state.step(name)
    definition = draft.definition.claimed_step(name)
    assert definition is not None, "only steps that workers claim have attempts"
    policy = draft.definition.policy(definition, direction)
    attempt = step.attempts_of(direction)
    effect = step.effect
    if direction is Direction.ACTION and not definition.atomic:
        effect = effect.or_stronger(EFFECT_OF[failure.kind])
    counted = attempt - step.uncounted_attempts
    key = idempotency_key(draft.state.saga_id, name, direction)
    if failure.kind is FailureKind.LATER:  # counts for nothing, but for `max_elapsed`
        counted -= 1
        delay = HELD_BACK.delay(step.uncounted_attempts + 1, key)
        due_at = draft.now + (delay if wait is None else timedelta(seconds=wait))
    else:
        due_at = draft.now + policy.delay(counted, key)
        counts = counts or policy.max_attempts == 1  # that says: never call it twice
        counted -= not counts
    may_retry = (
        failure.kind in RETRIED
        and not final
        and policy.allows(counted, due_at - (step.since or draft.now))
        and (direction is Direction.COMPENSATION or draft.state.status in GOING_FORWARD)
    )
    if may_retry:
        draft.emit(
            ev.StepRetrying(
                *(name, direction, attempt, step.fence, failure, effect, reported, due_at),
                counts=counts,
                alone=alone,
            )
        )
    else:
        draft.emit(ev.StepFailed(name, direction, attempt, step.fence, failure, effect, reported))


def _is_own_claim(step: StepState, fact: Claim) -> bool:
    """Whether this very claim was committed before; its caller may have been told otherwise."""
    return (
        step.status is IN_FLIGHT[fact.direction]
        and step.holder == fact.holder
        and step.fence == fact.fence + 1
    )
