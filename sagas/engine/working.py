"""What a worker does: claims an attempt, runs it, reports it."""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction

from sagas.engine.saving import Transition
from sagas.engine.transact import (
    MayRunOn,
    RunOn,
    Seen,
    call_parent,
    decide_and_save,
    transact,
    transact_together,
)
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
    Saga,
    Succeeded,
    Verdict,
)
from sagas.machine.context import NotStorable, changes, copied, given_to, idempotency_key
from sagas.machine.steps import Action, SagaStep
from sagas.store import executions
from sagas.store.executions import Locked

logger = logging.getLogger(__name__)


Row = Locked
"""An execution as it was read: for the engine alone, to be handed back."""


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
    definition: Saga
    row: Row
    """The execution as the claim left it."""

    @property
    def claimed(self) -> SagaStep:
        """The step's own definition."""
        step = self.definition.claimed_step(self.step)
        assert step is not None, "only such a step can be claimed"
        return step

    def run(self) -> object:
        """Calls the action with a copy of the context, so that what it changes in place can be
        told from what it was given (S10). Returns and raises what the action does.

        With a probe, the action is called only if it did not happen, and the compensation only if
        there is something to undo.
        """
        if self.probe is None:
            return self.action(copied(self.context))
        key = idempotency_key(self.saga_id, self.step, Direction.ACTION)
        known = self.probe(copied({**self.context, "idempotency_key": key}))
        if self.direction is Direction.ACTION:
            return self.action(copied(self.context)) if known is None else known
        if known is None:
            logger.info("%s: %s never happened: nothing to undo.", self.saga_id, self.step)
            return None
        returned = self.action(copied({**self.context, **known}))
        return {**known, **(returned or {})}


class Reported(NamedTuple):
    """What became of a report, and the step that was claimed with it, if one was."""

    verdict: Verdict
    next: Work | None = None


def look_ahead(execution_ids: Iterable[int]) -> dict[int, Row]:
    """id → row, for claims that are about to be made, in one statement. None at all, if the
    database does not answer, or one of them is broken: each claim then looks for itself, and waits
    or fails alone."""
    try:
        return executions.peek_at(execution_ids)
    except Exception as error:
        logger.warning("Executions could not be read together: %r", error)
        return {}


def claim(
    execution_id: int,
    step: str,
    direction: Direction,
    fence: int,
    *,
    holder: str | None = None,
    seen: Row | None = None,
) -> Work | None:
    """The work of a step that is due, or None: not due, somebody else's, done, or unknown.

    The claim is committed before this returns (S1). A worker without the execution's definition
    leaves it alone (S12). `holder` is an id that no other claimant has at the same time, for
    whoever may have to report this claim as `lost`; without it one is made. `seen` is the row, if
    it was read a moment ago.
    """
    fact = Claim(step, direction, fence, holder or uuid.uuid4().hex)
    found = transact(execution_id, fact, seen=seen)
    return None if found is None else _claimed(found, step, direction)


def claim_together(
    fences: Mapping[int, int],
    step: str,
    direction: Direction,
    *,
    holder: str,
    seen: Mapping[int, Row],
) -> dict[int, Work | None]:
    """The same for the `step` of many executions (id → fence) in one statement. Those that are
    missing from the answer are for `claim`, one by one."""
    found = transact_together(
        [
            Seen(seen[each], Claim(step, direction, fence, holder))
            for each, fence in fences.items()
            if each in seen
        ]
    )
    return {each: _claimed(claim, step, direction) for each, claim in found.items()}


def succeed(work: Work, returned: object, may_run_on: MayRunOn | None = None) -> Reported:
    """Reports what `work.run()` returned, and claims a step that this makes due, if it
    `may_run_on`.

    A result that can't be stored is a failed attempt whose effect is possible (R17).
    """
    try:
        return _report(work, _success(work, returned), may_run_on)
    except NotStorable as error:
        return fail(work, Failure.of(FailureKind.UNKNOWN, error), may_run_on=may_run_on)


def succeed_together(
    done: Sequence[tuple[Work, object]], may_run_on: Callable[[Work], MayRunOn]
) -> Iterator[Reported]:
    """The same for the work of many executions, each of them once, in one statement; in their
    order. What nothing came of for all at once is reported by itself."""
    run_ons = {work.execution_id: _run_on(work, may_run_on(work)) for work, _ in done}
    found = transact_together(
        [
            Seen(work.row, fact, run_ons[work.execution_id])
            for work, returned in done
            if (fact := _storable(work, returned))
        ]
    )
    for work, returned in done:
        if transition := found.get(work.execution_id):
            yield _reported(transition, run_ons[work.execution_id])
        else:
            yield succeed(work, returned, may_run_on(work))


def fail(
    work: Work, failure: Failure, *, final: bool = False, may_run_on: MayRunOn | None = None
) -> Reported:
    """Reports a failed attempt; `final` if its policy (`work.retry`) gives it no other. Claims a
    compensation that this makes due, if it `may_run_on`."""
    return _report(work, Failed(work.step, work.direction, work.fence, failure, final), may_run_on)


def run_atomic(work: Work, may_run_on: MayRunOn | None = None) -> Reported:
    """Runs the action inside the transaction that records its success: both, or neither. Claims
    what this makes due, if it `may_run_on`.

    Raises what the action raised, `NotStorable` for a result that can't be stored, and the
    database's errors. The caller reports them by `fail`: should the COMMIT have gone through after
    all, that changes nothing (R6).
    """
    run_on = _run_on(work, may_run_on)
    try:
        with transaction.atomic(durable=True):
            fact = _success(work, work.run())
            found = decide_and_save(work.execution_id, fact, run_on=run_on)
            if found is None or found.decision.verdict is not Verdict.ACCEPTED:
                raise _ShutOut
    except _ShutOut:
        return _report(work, fact, None)  # which records that it was late
    call_parent(found)
    return _reported(found, run_on)


def lost(execution_id: int, holder: str) -> Verdict:
    """Reports that the process that claimed as `holder` is dead. `REFUSED` if it holds no claim,
    or not any more."""
    row = executions.peek(execution_id)
    claimed = None if row is None else _held_by(row, holder)
    if row is None or claimed is None:
        return Verdict.REFUSED
    step, direction = claimed
    fact = Lost(step, direction, row.state.step(step).fence, holder)
    found = transact(execution_id, fact)
    return Verdict.REFUSED if found is None else found.decision.verdict


class _ShutOut(Exception):
    """The fence of an atomic step is not the newest any more: nothing of it may be committed."""


def _success(work: Work, returned: object) -> Succeeded:
    changed = changes(work.context, returned)
    return Succeeded(work.step, work.direction, work.fence, changed)


def _storable(work: Work, returned: object) -> Succeeded | None:
    try:
        return _success(work, returned)
    except NotStorable:
        return None


def _report(work: Work, fact: Report, may_run_on: MayRunOn | None) -> Reported:
    run_on = _run_on(work, may_run_on)
    found = transact(work.execution_id, fact, seen=work.row, run_on=run_on)
    if found is None:
        logger.error(
            "Step %s of %s ended, but its execution or definition is gone.",
            work.step,
            work.saga_id,
        )
        return Reported(Verdict.REFUSED)
    return _reported(found, run_on)


def _run_on(work: Work, may_run_on: MayRunOn | None) -> RunOn | None:
    """Under the same holder: whoever reports a process as lost need not know how far it got."""
    holder = work.row.state.step(work.step).holder
    return None if may_run_on is None or holder is None else RunOn(holder, may_run_on)


def _reported(found: Transition, run_on: RunOn | None) -> Reported:
    """By the row, not by the decision: a claim whose COMMIT was in doubt is there, too (R6)."""
    claimed = None if run_on is None else _held_by(found.row, run_on.holder)
    work = None if claimed is None else _work(found.definition, found.row, *claimed)
    return Reported(found.decision.verdict, work)


def _claimed(found: Transition, step: str, direction: Direction) -> Work | None:
    if found.decision.verdict is Verdict.REFUSED:
        return None
    return _work(found.definition, found.row, step, direction)


def _held_by(row: Locked, holder: str) -> tuple[str, Direction] | None:
    """The step and direction that `holder` has claimed, and not yet settled."""
    return next(
        (
            (name, direction)
            for direction in Direction
            for name in row.state.in_flight(direction)
            if row.state.step(name).holder == holder
        ),
        None,
    )


def _work(saga: Saga, row: Locked, step: str, direction: Direction) -> Work:
    definition, state = saga.claimed_step(step), row.state
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
        row.id,
        state.saga_id,
        step,
        direction,
        attempt,
        mine.fence,
        action,
        given,
        saga.policy(definition, direction),
        definition.probe if mine.effect is Effect.POSSIBLE else None,
        definition.atomic,
        saga,
        row,
    )
