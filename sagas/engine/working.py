"""What a worker does: claims an attempt, runs it, reports it."""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from django.db import transaction

from sagas.engine.saving import Transition
from sagas.engine.transact import (
    InlineClaim,
    MayClaimInline,
    PendingInput,
    decide_and_save,
    notify_parent,
    transact,
    transact_together,
)
from sagas.engine.work import Row, Work, held_by, work_of
from sagas.errors import TransactionLeftOpen
from sagas.machine import (
    Claim,
    Direction,
    Failed,
    Failure,
    FailureKind,
    Lost,
    Progress,
    Report,
    Succeeded,
    Verdict,
)
from sagas.machine.context import NotStorable, changes
from sagas.store import executions, recovery, sessions

logger = logging.getLogger(__name__)


class ReportResult(NamedTuple):
    """The result of a report, and the step that was claimed with it, if any."""

    verdict: Verdict
    next: Work | None = None


@sessions.on_own
def look_ahead(execution_ids: Iterable[int]) -> dict[int, Row]:
    """id → row, in one statement, for claims that are about to be made. Empty if the database does
    not answer, or if one of the rows is broken: each claim then reads its own row, and waits or
    fails by itself."""
    try:
        sessions.leave_unsound()
        return executions.peek_at(execution_ids)
    except Exception as error:
        recovery.give_up(error)
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
    together: bool = False,
) -> Work | None:
    """The work of a step that is due, or None if it is not due, claimed by another, done, or
    unknown.

    The claim is committed before this returns (S1). A worker without the execution's definition
    leaves it alone (S12). `holder` is an id that no other claimant has at the same time, for
    reporting this claim as `lost`; without it, one is generated. `seen` is the row, if it was just
    read. `together` says that other sagas' actions run in the same process while the claim is
    held; then a step that goes alone (S14) is refused, too.
    """
    fact = Claim(step, direction, fence, holder or uuid.uuid4().hex, together)
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
    """The same for the `step` of many executions (id → fence) in one statement. Pass those that
    are missing from the answer to `claim`, one by one. They include the ones that go alone (S14).
    """
    together = len(fences) > 1
    found = transact_together(
        [
            PendingInput(seen[each], Claim(step, direction, fence, holder, together))
            for each, fence in fences.items()
            if each in seen and not (together and seen[each].state.step(step).alone)
        ]
    )
    works: dict[int, Work | None] = {}
    for each, transition in found.items():
        try:
            works[each] = _claimed(transition, step, direction)
        except Exception:  # the others' claims stand, too (L3)
            logger.exception("Execution %s can't be run; its lease ends the claim.", each)
            works[each] = None
    return works


def succeed(work: Work, returned: object, may_claim: MayClaimInline | None = None) -> ReportResult:
    """Reports what `work.run()` returned, and claims a step that this makes due, if it
    `may_claim`.

    A result that can't be stored is a failed attempt whose effect is possible (R17).
    """
    try:
        return _report(work, _success(work, returned), may_claim)
    except NotStorable as error:
        return fail(work, Failure.of(FailureKind.UNKNOWN, error), may_claim=may_claim)


def succeed_together(
    done: Sequence[tuple[Work, object]], may_claim: Callable[[Work], MayClaimInline]
) -> Iterator[ReportResult]:
    """The same for the work of many executions, each at most once, in one statement and in their
    order. Results that can't be reported together are reported one by one."""
    inlines = {work.execution_id: _inline_claim(work, may_claim(work)) for work, _ in done}
    found = transact_together(
        [
            PendingInput(work.row, fact, inlines[work.execution_id])
            for work, returned in done
            if (fact := _storable(work, returned))
        ]
    )
    for work, returned in done:
        if transition := found.get(work.execution_id):
            yield _reported(transition, inlines[work.execution_id])
        else:
            yield succeed(work, returned, may_claim(work))


def fail(
    work: Work,
    failure: Failure,
    *,
    final: bool = False,
    wait: float | None = None,
    accepted: bool = False,
    may_claim: MayClaimInline | None = None,
) -> ReportResult:
    """Reports a failed attempt. `final` says that its policy (`work.retry`) allows no further
    attempt. `wait` is the number of seconds that the action asked for with `Later`. `accepted`
    says that the step takes this refusal for an answer. Claims a compensation that this makes due,
    if it `may_claim`."""
    fact = Failed(work.step, work.direction, work.fence, failure, final, wait, accepted)
    return _report(work, fact, may_claim)


def run_atomic(work: Work, may_claim: MayClaimInline | None = None) -> ReportResult:
    """Runs the action inside the transaction that records its success: either both are committed
    or neither. Claims a step that this makes due, if it `may_claim`.

    Raises what the action raised, `NotStorable` for a result that can't be stored, and the
    database's errors. The caller reports them with `fail`. If the COMMIT went through after all,
    that report changes nothing (R6).
    """
    inline = _inline_claim(work, may_claim)
    try:
        with sessions.without_own(), transaction.atomic(durable=True):
            fact = _success(work, work.run())
            found = decide_and_save(work.execution_id, fact, inline=inline)
            if found is None or found.decision.verdict is not Verdict.ACCEPTED:
                raise _StaleFence
    except _StaleFence:
        return _report(work, fact, None)  # which records that it was late
    finally:
        left = sessions.end_what_is_open()
    if left:
        raise TransactionLeftOpen(left)
    notify_parent(found)
    return _reported(found, inline)


@sessions.on_own
@recovery.repeated
def lost(
    execution_id: int,
    holder: str,
    progress: Callable[[str, int], Progress] = lambda *_: Progress.UNKNOWN,
) -> Verdict:
    """Reports that the process that claimed as `holder` is dead, and how far the claim of a step
    and a fence had got. `REFUSED` if it holds no claim, or no longer does."""
    row = executions.peek(execution_id)
    claimed = None if row is None else held_by(row, holder)
    if row is None or claimed is None:
        return Verdict.REFUSED
    step, direction = claimed
    fence = row.state.step(step).fence
    fact = Lost(step, direction, fence, holder, progress(step, fence))
    found = transact(execution_id, fact)
    return Verdict.REFUSED if found is None else found.decision.verdict


class _StaleFence(Exception):
    """The fence of an atomic step is not the newest any more: nothing of it may be committed."""


def _success(work: Work, returned: object) -> Succeeded:
    changed = changes(work.context, returned)
    return Succeeded(work.step, work.direction, work.fence, changed)


def _storable(work: Work, returned: object) -> Succeeded | None:
    try:
        return _success(work, returned)
    except NotStorable:
        return None


def _report(work: Work, fact: Report, may_claim: MayClaimInline | None) -> ReportResult:
    inline = _inline_claim(work, may_claim)
    found = transact(work.execution_id, fact, seen=work.row, inline=inline)
    if found is None:
        logger.error(
            "Step %s of %s ended, but its execution or definition is gone.",
            work.step,
            work.saga_id,
        )
        return ReportResult(Verdict.REFUSED)
    return _reported(found, inline)


def _inline_claim(work: Work, may_claim: MayClaimInline | None) -> InlineClaim | None:
    """Under the same holder: whoever reports a process as lost need not know how far it got."""
    mine = work.row.state.step(work.step)
    return None if may_claim is None else InlineClaim(mine.holder, may_claim, mine.together)


def _reported(found: Transition, inline: InlineClaim | None) -> ReportResult:
    """By the row, not by the decision: a claim whose COMMIT was in doubt is there, too (R6)."""
    claimed = None if inline is None else held_by(found.row, inline.holder)
    work = None if claimed is None else work_of(found.definition, found.row, *claimed)
    return ReportResult(found.decision.verdict, work)


def _claimed(found: Transition, step: str, direction: Direction) -> Work | None:
    if found.decision.verdict is Verdict.REFUSED:
        return None
    return work_of(found.definition, found.row, step, direction)
