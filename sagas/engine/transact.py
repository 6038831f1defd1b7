"""One fact, one transaction: read the row, decide, save, and after the commit tell who listens.

What workers report is decided on the row as it was read, and saved if it is still the same: one
statement. Everything else, and what that refuses, is decided under the row's lock.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from sagas import forms
from sagas.engine import births, family, reminding, rounds
from sagas.engine.adopting import adopt_locked
from sagas.engine.fitting import fitting
from sagas.engine.newborn import ChildStart
from sagas.engine.saving import (
    OptimisticWrite,
    Transition,
    earliest,
    news_of,
    save,
    save_optimistically,
)
from sagas.listeners import announce
from sagas.machine import (
    Adopt,
    ChildrenReported,
    Claim,
    Decision,
    Direction,
    Fact,
    Failed,
    ParentCommand,
    ParentCommanded,
    Repetition,
    Saga,
    SagaStep,
    Signal,
    Succeeded,
    Verdict,
    Woken,
    decide,
    repetition,
)
from sagas.machine.context import fitting_json
from sagas.machine.growing import closed_by
from sagas.store import due, executions, recovery, sessions
from sagas.store.executions import ExecutionSnapshot

logger = logging.getLogger(__name__)

MayClaimInline = Callable[[SagaStep, Direction], bool]
"""Whether whoever reports a step can also run this one, should it become due by that. It may be
asked more than once, and for more than is then claimed."""


@dataclass(frozen=True, slots=True)
class InlineClaim:
    """Who reports a step, and goes on with the next one as `holder`, if it `may`; `together` with
    other sagas if it reports one that was."""

    holder: str
    may: MayClaimInline
    together: bool


@sessions.on_own
def transact(
    execution_id: int,
    fact: Fact | Adopt,
    *,
    only_if_due: bool = False,
    seen: ExecutionSnapshot | None = None,
    inline: InlineClaim | None = None,
) -> Transition | None:
    """Decides and saves `fact`; None if nothing has that id, or no definition fits it here (S12);
    with `only_if_due`, also if somebody is at work on it, or nobody has to look at it.

    `seen` is the row as the caller knows it: if that is still so, it need not be read. With
    `inline` a step that became due by this report is claimed by the same statement, if it may be.

    After a lost session the row is read again and the fact decided anew (R22): if the lost COMMIT
    went through after all, the machine knows the fact and changes nothing (R6). Only a late
    report, which has no effect in any case, may then be recorded twice.
    """
    known = [seen]

    def anew() -> Transition | None:
        return _transact(execution_id, fact, only_if_due, known.pop() if known else None, inline)

    found = recovery.repeat(anew)
    if found is not None:
        notify_parent(found)
    return found


@dataclass(frozen=True, slots=True)
class PendingInput:
    """A fact for an execution whose row was read a moment ago."""

    row: ExecutionSnapshot
    fact: Claim | Succeeded
    inline: InlineClaim | None = None


@sessions.on_own
def transact_together(facts: Sequence[PendingInput]) -> dict[int, Transition]:
    """The same for many executions in one statement; id → what became of those with which nobody
    else has anything to do. The others, all of them if anything fails, are for whoever handles
    them one by one. Each execution is there once, and there is no transaction around it."""
    try:
        sessions.leave_unsound()
        found = save_optimistically([each for each in map(_optimistic, facts) if each])
    except Exception as error:
        recovery.give_up(error)
        logger.warning("%s transitions could not be made together: %r", len(facts), error)
        return {}
    for transition in found.values():
        notify_parent(transition)
    return found


def decide_and_save(
    execution_id: int,
    fact: Fact | Adopt,
    *,
    only_if_due: bool = False,
    inline: InlineClaim | None = None,
) -> Transition | None:
    """The same, inside the caller's transaction, after which `notify_parent` is due."""
    locked = executions.lock_if_free(execution_id) if only_if_due else executions.lock(execution_id)
    if locked is None or (only_if_due and not locked.is_due):
        return None
    if isinstance(fact, Adopt):
        return adopt_locked(locked, fact)
    definition = fitting(locked)
    if definition is None:
        return None
    decision = _decide(definition, locked, fact, inline)
    if isinstance(fact, Signal) and decision.verdict is Verdict.ACCEPTED:
        forms.require_fitting(definition, fact.name, fact.payload)
        answer = _ask_round(definition, locked, fact)
        if not isinstance(answer, Signal):
            return answer
        decision = decision if answer is fact else _decide(definition, locked, answer, inline)
    if isinstance(fact, Woken):
        decision = reminding.remind(definition, locked, decision)
    newborn: list[ChildStart] = []
    if decision.starts:
        decision, newborn = births.prepare(
            definition, decision, locked.family_id, locked.now, locked.id
        )
    if decision.state is not locked.state or locked.commands:
        return save(definition, locked, decision, newborn)
    _, news = news_of(definition, locked, decision)
    if isinstance(fact, Woken):
        repeated = repeat(locked, fact)
        decision = replace(decision, hints=repeated.hints)
        news_at = locked.now if news else None
        again = earliest(repeated.wake_at, news_at, locked.hints_sent)
        due.promise(
            [due.WakeUp(locked, again, counts=True, blocked_by_queue=repeated.blocked_by_queue)]
        )
    if decision.hints:
        announce(locked.id, definition, decision)
    return Transition(definition, decision, locked, locked.parent_id if news else None)


def _ask_round(
    definition: Saga, locked: ExecutionSnapshot, fact: Signal
) -> Signal | Transition | None:
    """The signal, once the round that it may be for was asked; or the answer to it. A round is
    locked after its saga, as always: it never waits for its saga's row."""
    round_id = rounds.at_work(definition, locked, fact.name)
    if round_id is None:
        return fact
    found = decide_and_save(round_id, fact)
    return None if found is None else rounds.answered(definition, locked, fact, found)


def notify_parent(found: Transition) -> None:
    """Lets the parent take what its child came to, after the commit. Whatever fails, the child's
    wake_at stands."""
    if found.call is None:
        return
    try:
        transact(found.call, ChildrenReported())
    except Exception:
        logger.exception(
            "Execution %s could not be told of its child; it will be told again.", found.call
        )


def repeat(locked: ExecutionSnapshot, woken: Woken) -> Repetition:
    """What a look leads to that found nothing to decide."""
    promised = locked.wake_at or locked.now
    return repetition(locked.state, locked.now, promised, locked.hints_sent, woken.full)


def _transact(
    execution_id: int,
    fact: Fact | Adopt,
    only_if_due: bool,
    seen: ExecutionSnapshot | None,
    inline: InlineClaim | None,
) -> Transition | None:
    is_joined = sessions.connection_here().in_atomic_block
    if isinstance(fact, Claim | Succeeded | Failed) and not is_joined:
        row = executions.peek(execution_id) if seen is None else seen.at_present()
        definition = None if row is None else fitting(row)
        if row is None or definition is None:
            return None
        decided = OptimisticWrite.of(definition, row, _decide(definition, row, fact, inline))
        if decided and (saved := save_optimistically([decided])):
            return saved[execution_id]
    with sessions.in_place_of_djangos(), transaction.atomic(durable=True):
        return decide_and_save(execution_id, fact, only_if_due=only_if_due, inline=inline)


def _optimistic(each: PendingInput) -> OptimisticWrite | None:
    row = each.row.at_present()
    definition = fitting(row)
    if definition is None:
        return None
    return OptimisticWrite.of(definition, row, _decide(definition, row, each.fact, each.inline))


def _decide(
    definition: Saga, row: ExecutionSnapshot, fact: Fact, inline: InlineClaim | None
) -> Decision:
    """What the parent said comes first, then what the fact was handed in for, then the claim of
    whoever runs on."""
    found: Decision | None = None
    for each in _facts(definition, row, fact):
        state = row.state if found is None else found.state
        decision = decide(definition, state, each, row.now)
        found = decision if found is None else found.then(decision)
    assert found is not None, "there is at least the fact itself"
    if isinstance(fact, Signal) and (step := closed_by(definition, found.state, fact)):
        rows = family.Rows(row.id, step)
        moved = family.moved(definition, found.state, step, {}, rows)
        found = found.then(decide(definition, found.state, moved, row.now))
    before, after = row.state, found.state
    grows = after.context is not before.context or after.options is not before.options
    if grows and isinstance(fact, Succeeded | Signal):
        # What it adds may be too much for what is there, or will be.
        fitting_json(family.with_collected(after))
    return found if inline is None else _claim_next(definition, row, found, inline)


def _claim_next(
    definition: Saga, row: ExecutionSnapshot, decision: Decision, inline: InlineClaim
) -> Decision:
    """The decision, and the claim of one of the steps that became due by it."""
    for hint in decision.hints:
        step = definition.claimed_step(hint.step)
        if step is None or not inline.may(step, hint.direction):
            continue
        claim = Claim(hint.step, hint.direction, hint.fence, inline.holder, inline.together)
        claimed = decide(definition, decision.state, claim, row.now)
        if claimed.verdict is Verdict.ACCEPTED:
            both = decision.then(claimed)
            is_same = both.verdict is decision.verdict
            return both if is_same else replace(both, verdict=decision.verdict)
    return decision


def _facts(definition: Saga, locked: ExecutionSnapshot, fact: Fact) -> Iterator[Fact]:
    for command in locked.commands:
        yield ParentCommanded(ParentCommand(command))
    if isinstance(fact, Woken | ChildrenReported):
        if locked.state.options.blocked and (found := family.look_at_locks(locked)):
            yield found
        yield from family.news(definition, locked)
    yield fact
    if isinstance(fact, Signal) and fact.taken:  # which may have ended the round
        yield from family.news(definition, locked)
