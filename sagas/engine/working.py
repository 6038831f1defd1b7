"""What a worker does: claims an attempt, runs it, reports it."""

import logging
import uuid
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from sagas.engine.transact import call_parent, decide_and_save, transact
from sagas.machine import (
    Claim,
    Direction,
    Effect,
    Failed,
    Failure,
    FailureKind,
    Lost,
    Report,
    Retry,
    Succeeded,
    Verdict,
)
from sagas.machine.context import NotStorable, changes, given_to, idempotency_key
from sagas.machine.steps import Action

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A claim that was won: what to run, and what to run it with."""

    execution_id: int
    saga_id: str
    step: str
    direction: Direction
    attempt: int
    fence: int
    action: Action
    context: Mapping[str, Any]
    retry: Retry
    probe: Action | None
    """Asked first: an earlier attempt of the action may have happened."""
    is_atomic: bool
    """Whether it is for `run_atomic`."""

    def run(self) -> object:
        """Calls the action with a copy of the context, so that what it changes in place can be
        told from what it was given (S10). Returns and raises what the action does.

        With a probe, the action is called only if it did not happen, and the compensation only if
        there is something to undo.
        """
        if self.probe is None:
            return self.action(deepcopy(self.context))
        key = idempotency_key(self.saga_id, self.step, Direction.ACTION)
        known = self.probe(deepcopy({**self.context, "idempotency_key": key}))
        if self.direction is Direction.ACTION:
            return self.action(deepcopy(self.context)) if known is None else known
        if known is None:
            logger.info("%s: %s never happened: nothing to undo.", self.saga_id, self.step)
            return None
        returned = self.action(deepcopy({**self.context, **known}))
        return {**known, **(returned or {})}


def claim(
    execution_id: int, step: str, direction: Direction, fence: int, *, holder: str | None = None
) -> Work | None:
    """The work of a step that is due, or None: not due, somebody else's, done, or unknown.

    The claim is committed before this returns (S1). A worker without the execution's definition
    leaves it alone (S12). `holder` is an id that no other claimant has at the same time, for
    whoever may have to report this claim as `lost`; without it one is made.
    """
    found = transact(execution_id, Claim(step, direction, fence, holder or uuid.uuid4().hex))
    if found is None or found.decision.verdict is Verdict.REFUSED:
        return None
    definition, state = found.definition.claimed_step(step), found.decision.state
    assert definition is not None, "only such a step can be claimed"
    action, mine = definition.callable_for(direction), state.step(step)
    assert action is not None, "a step without a compensation is never scheduled for one"
    assert mine.lease_until is not None, "a claimed step has a lease"
    attempt = mine.attempts_of(direction)
    given = given_to(
        state.context,
        saga_id=state.saga_id,
        key=idempotency_key(state.saga_id, step, direction),
        attempt=attempt,
        # The attempt's own end, not the lease's: what is between them is for ending and reporting.
        deadline=mine.lease_until - definition.lease + definition.soft_limit,
    )
    return Work(
        execution_id,
        state.saga_id,
        step,
        direction,
        attempt,
        mine.fence,
        action,
        given,
        found.definition.policy(definition, direction),
        definition.probe if mine.effect is Effect.POSSIBLE else None,
        definition.atomic,
    )


def succeed(work: Work, returned: object) -> Verdict:
    """Reports what `work.run()` returned.

    A result that can't be stored is a failed attempt whose effect is possible (R17).
    """
    try:
        return _report(work, _success(work, returned))
    except NotStorable as error:
        return fail(work, Failure.of(FailureKind.UNKNOWN, error))


def fail(work: Work, failure: Failure, *, final: bool = False) -> Verdict:
    """Reports a failed attempt; `final` if its policy (`work.retry`) gives it no other."""
    return _report(work, Failed(work.step, work.direction, work.fence, failure, final))


def run_atomic(work: Work) -> Verdict:
    """Runs the action inside the transaction that records its success: both, or neither.

    Raises what the action raised, `NotStorable` for a result that can't be stored, and the
    database's errors. The caller reports them by `fail`: should the COMMIT have gone through after
    all, that changes nothing (R6).
    """
    try:
        with transaction.atomic(durable=True):
            fact = _success(work, work.run())
            found = decide_and_save(work.execution_id, fact)
            if found is None or found.decision.verdict is not Verdict.ACCEPTED:
                raise _ShutOut
    except _ShutOut:
        return _report(work, fact)  # which records that it was late
    call_parent(found)
    return found.decision.verdict


def lost(execution_id: int, step: str, direction: Direction, fence: int, holder: str) -> Verdict:
    """Reports that the process that claimed as `holder` is dead. `REFUSED` if there is no such
    claim, or not any more."""
    found = transact(execution_id, Lost(step, direction, fence, holder))
    return Verdict.REFUSED if found is None else found.decision.verdict


class _ShutOut(Exception):
    """The fence of an atomic step is not the newest any more: nothing of it may be committed."""


def _success(work: Work, returned: object) -> Succeeded:
    changed = changes(work.context, returned)
    return Succeeded(work.step, work.direction, work.fence, changed)


def _report(work: Work, fact: Report) -> Verdict:
    found = transact(work.execution_id, fact)
    if found is None:
        logger.error(
            "Step %s of %s ended, but its execution or definition is gone.",
            work.step,
            work.saga_id,
        )
        return Verdict.REFUSED
    return found.decision.verdict
