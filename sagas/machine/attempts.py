"""Attempts: who may claim one, and what follows from how it ended."""

from datetime import datetime, timedelta
from typing import Final

from sagas.machine import events as ev
from sagas.machine.context import idempotency_key
from sagas.machine.decision import Draft, Verdict, accept_refusal, conflicting, start_running
from sagas.machine.facts import Claim, Failed, Lost, Progress, Report, Succeeded
from sagas.machine.failures import EFFECT_OF, RETRIED, Failure, FailureKind
from sagas.machine.parameters import HELD_BACK, as_timedelta
from sagas.machine.state import StepState
from sagas.machine.states import (
    GOING_FORWARD,
    IN_FLIGHT,
    SCHEDULED,
    Direction,
    Effect,
    StepStatus,
)
from sagas.machine.steps import Poll, SagaStep

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
    if isinstance(definition, Poll):
        _ask(draft, definition, fact)
        return Verdict.ACCEPTED
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


def _ask(draft: Draft, poll: Poll, fact: Claim) -> None:
    """Claims a poll. It counts for no attempt, unless it fails."""
    step = draft.state.step(fact.step)
    draft.ask(
        fact.step,
        {
            "status": StepStatus.RUNNING,
            "attempts": step.attempts + 1,
            "fence": step.fence + 1,
            "asks": step.asks + 1,
            "holder": fact.holder,
            "lease_until": draft.now + poll.lease,
            "due_at": None,
            "together": fact.together,
        },
    )


def _ask_later(draft: Draft, poll: Poll, wait: float | None) -> None:
    """There is no answer yet: asks again later, or ends the poll if its time is over."""
    name, step = poll.name, draft.state.step(poll.name)
    ends_at = None
    if poll.timeout is not None:
        ends_at = (step.since or draft.now) + as_timedelta(poll.timeout)
    if ends_at is not None and ends_at <= draft.now:
        ended = name, Direction.ACTION, step.attempts, step.fence
        if poll.on_timeout == "fail":
            message = f"No answer within {poll.timeout} (seconds, or h:mm:ss)."
            failure = Failure(FailureKind.REJECTED, "PollTimeout", message)
            draft.emit(ev.StepFailed(*ended, failure, step.effect, reported=True))
        else:
            draft.emit(ev.StepSucceeded(*ended, {}))
        return
    key = idempotency_key(draft.state.saga_id, name, Direction.ACTION)
    delay = poll.wait(step.asks, key) if wait is None else timedelta(seconds=wait)
    due_at = draft.now + delay
    draft.ask(
        name,
        {
            "status": StepStatus.SCHEDULED,
            "attempts": step.attempts - 1,
            "reported": step.fence,
            "lease_until": None,
            "due_at": due_at if ends_at is None else min(due_at, ends_at),
            "together": False,
        },
    )


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
    if isinstance(fact, Failed) and fact.accepted and _is_answer(step, fact):
        accept_refusal(draft, fact.step, fact.failure)
    elif isinstance(fact, Failed):
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


def _is_answer(step: StepState, fact: Failed) -> bool:
    """Whether an accepted refusal is an answer: no attempt may have had an effect (S4)."""
    is_refusal = fact.failure.kind is FailureKind.REJECTED and step.effect is Effect.NONE
    return is_refusal and fact.direction is Direction.ACTION


def lost(draft: Draft, fact: Lost) -> Verdict:
    """Shuts out a claim whose process is dead, before its lease ends."""
    step = draft.state.step(fact.step)
    is_held = step.status is IN_FLIGHT[fact.direction] and step.fence == fact.fence
    if not is_held or step.holder != fact.holder:
        return draft.refuse("The claim is settled, or belongs to another worker.")
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
    is_forward = draft.state.status in GOING_FORWARD
    is_later = failure.kind is FailureKind.LATER
    if isinstance(definition, Poll) and is_later and is_forward and not final:
        _ask_later(draft, definition, wait)
        return
    counted, due_at, counts = _next_attempt(draft, definition, direction, failure, wait, counts)
    policy = draft.definition.policy(definition, direction)
    may_retry = (
        failure.kind in RETRIED
        and not final
        and policy.allows(counted, due_at - (step.since or draft.now))
        and (direction is Direction.COMPENSATION or is_forward)
    )
    effect = _effect_after(step, definition, direction, failure)
    ended = name, direction, step.attempts_of(direction), step.fence, failure, effect, reported
    if may_retry:
        draft.emit(ev.StepRetrying(*ended, due_at, counts=counts, alone=alone))
    else:
        draft.emit(ev.StepFailed(*ended))


def _next_attempt(
    draft: Draft,
    definition: SagaStep,
    direction: Direction,
    failure: Failure,
    wait: float | None,
    counts: bool,
) -> tuple[int, datetime, bool]:
    """How many attempts count, when the next one is due, and whether the last one counts."""
    step, policy = draft.state.step(definition.name), draft.definition.policy(definition, direction)
    key = idempotency_key(draft.state.saga_id, definition.name, direction)
    counted = step.attempts_of(direction) - step.uncounted_attempts
    if failure.kind is FailureKind.LATER:  # counts for nothing, but for `max_elapsed`
        counted -= 1
        delay = HELD_BACK.delay(step.uncounted_attempts + 1, key)
        due_at = draft.now + (delay if wait is None else timedelta(seconds=wait))
    else:
        due_at = draft.now + policy.delay(counted, key)
        counts = counts or policy.max_attempts == 1  # that says: never call it twice
        counted -= not counts
    return counted, due_at, counts


def _effect_after(
    step: StepState, definition: SagaStep, direction: Direction, failure: Failure
) -> Effect:
    """What is known of the action once an attempt of it, or of its compensation, has failed."""
    has_effect = not (definition.atomic or isinstance(definition, Poll))
    if direction is Direction.ACTION and has_effect:
        return step.effect.or_stronger(EFFECT_OF[failure.kind])
    return step.effect


def _is_own_claim(step: StepState, fact: Claim) -> bool:
    """Whether this very claim was committed before; its caller may have been told otherwise."""
    return (
        step.status is IN_FLIGHT[fact.direction]
        and step.holder == fact.holder
        and step.fence == fact.fence + 1
    )
