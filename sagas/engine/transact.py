"""One fact, one transaction: lock the row, decide, save, and after the commit tell who listens."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction

from sagas.engine import family
from sagas.listeners import announce
from sagas.machine import (
    TERMINAL,
    Called,
    Deadlocked,
    Decision,
    ExecutionState,
    Fact,
    Failure,
    FailureKind,
    Order,
    Ordered,
    Repetition,
    Saga,
    Succeeded,
    Unblocked,
    Woken,
    decide,
    hints,
    outcome,
    repetition,
    wake_at,
)
from sagas.machine.context import storable_json
from sagas.machine.states import GOING_FORWARD
from sagas.machine.wake import repeat_interval
from sagas.registry import registry
from sagas.store import children, due, executions, locks
from sagas.store.executions import Locked

logger = logging.getLogger(__name__)

RECONNECTS: Final = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each new try after a lost connection. Together about as long as PostgreSQL takes
to restart; a report that is later than its lease would be shut out anyway."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What became of a fact. `call` is the parent that has to hear of it."""

    definition: Saga
    decision: Decision
    call: int | None


def transact(execution_id: int, fact: Fact, *, only_if_due: bool = False) -> Transition | None:
    """Decides and saves `fact`; None if nothing has that id, or its definition is not known here;
    with `only_if_due`, also if somebody is at work on it, or nobody has to look at it.

    After a lost connection the row is read again and the fact decided anew: if the lost COMMIT
    went through after all, the machine knows the fact and changes nothing (R6). Only a late
    report, which has no effect in any case, may then be recorded twice.
    """
    found = _with_new_connections(execution_id, fact, only_if_due)
    if found is not None:
        call_parent(found)
    return found


def decide_and_save(
    execution_id: int, fact: Fact, *, only_if_due: bool = False
) -> Transition | None:
    """The same, inside the caller's transaction, after which `call_parent` is due."""
    locked = executions.lock_if_free(execution_id) if only_if_due else executions.lock(execution_id)
    if locked is None or (only_if_due and not locked.is_due):
        return None
    state = locked.state
    definition = registry.find(state.saga_type, state.version)
    if definition is None:
        logger.warning(
            "%s is a %s in version %s, which this process does not know: left for one that does.",
            state.saga_id,
            state.saga_type,
            state.version,
        )
        return None
    decision = _decide(definition, locked, fact)
    if isinstance(fact, Succeeded):
        storable_json(decision.state.context)  # what it adds may be too much for what is there
    decision, newborn = family.prepare(definition, decision, locked.family_id, locked.now)
    came_to = outcome(definition, decision.state) if locked.parent_id is not None else None
    has_news = came_to is not None and came_to != locked.outcome_taken
    if decision.events or locked.orders:
        wake = _earliest(_next_wake(locked, decision), locked.now if has_news else None, 0)
        executions.save(locked, decision, wake, came_to or "")
        _pass_on(definition, locked, decision)
        family.insert(newborn, locked.id, locked.family_id, locked.owner_id, locked.now)
    elif isinstance(fact, Woken):
        repeated = repeat(locked, fact)
        decision = replace(decision, hints=repeated.hints)
        news_at = locked.now if has_news else None
        due.repeat_hints(locked, _earliest(repeated.wake_at, news_at, locked.hints_sent))
    if decision.events or decision.hints:
        announce(locked.id, definition, decision)
    return Transition(definition, decision, locked.parent_id if has_news else None)


def call_parent(found: Transition) -> None:
    """Lets the parent take what its child came to, after the commit. Whatever fails, the child's
    wake_at stands."""
    if found.call is None:
        return
    try:
        transact(found.call, Called())
    except Exception:
        logger.exception(
            "Execution %s could not hear of its child; it will be told anew.", found.call
        )


def repeat(locked: Locked, woken: Woken) -> Repetition:
    """What a look leads to that found nothing to decide."""
    promised = locked.wake_at or locked.now
    return repetition(locked.state, locked.now, promised, locked.hints_sent, woken.full)


def _with_new_connections(execution_id: int, fact: Fact, only_if_due: bool) -> Transition | None:
    for pause in (*RECONNECTS, None):
        executions.drop_broken_connection()
        try:
            with transaction.atomic(durable=True):
                return decide_and_save(execution_id, fact, only_if_due=only_if_due)
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if pause is None:
                raise
            logger.warning("The database did not take it (%s); again in %s s.", error, pause)
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _decide(definition: Saga, locked: Locked, fact: Fact) -> Decision:
    """What the parent said comes first, then what the fact was handed in for."""
    found: Decision | None = None
    for each in _facts(definition, locked, fact):
        state = locked.state if found is None else found.state
        decision = decide(definition, state, each, locked.now)
        found = decision if found is None else found.then(decision)
    assert found is not None, "there is at least the fact itself"
    return found


def _facts(definition: Saga, locked: Locked, fact: Fact) -> Iterator[Fact]:
    for order in locked.orders:
        yield Ordered(Order(order))
    if isinstance(fact, Woken | Called):
        if locked.state.terms.blocked and (found := _look_at_locks(locked)):
            yield found
        yield from family.news(definition, locked)
    yield fact


def _look_at_locks(locked: Locked) -> Unblocked | Deadlocked | None:
    keys = locks.keys_of(locked.id)
    if not locks.held_by_others(keys, locked.family_id):
        return Unblocked()
    if circle := locks.circle(locked.family_id):
        message = f"Sagas wait for each other's locks in a circle: {', '.join(circle)}."
        return Deadlocked(Failure(FailureKind.REJECTED, "Deadlock", message))
    return None


def _next_wake(locked: Locked, decision: Decision) -> datetime | None:
    """When to look again. A step that is due and was not told of by this decision keeps the
    earlier promise: or a busy branch would put its lost hint off for as long as it is busy."""
    moment = wake_at(decision.state, locked.now, 0)
    untold = set(hints(decision.state, locked.now)) - set(decision.hints)
    if untold and moment is not None and locked.wake_at is not None:
        return min(moment, locked.wake_at)
    return moment


def _earliest(moment: datetime | None, news_at: datetime | None, sent: int) -> datetime | None:
    """`moment`, or earlier, if a parent has to hear of what came about at `news_at`."""
    if news_at is None:
        return moment
    again = news_at + repeat_interval(sent)
    return again if moment is None else min(moment, again)


def _pass_on(definition: Saga, locked: Locked, decision: Decision) -> None:
    """What a saved decision means for others: its children, and those that wait for its locks."""
    if decision.tells and any(step.children for step in decision.state.steps.values()):
        for order in decision.tells:
            children.leave_order(locked.id, order.step, order.order)
    if decision.state.terms.locks and not _needs_locks(decision.state):
        locks.leave(locked.id)


def _needs_locks(state: ExecutionState) -> bool:
    """Not once it has ended; nor if it turned back before it had them, and did nothing."""
    has_given_up = state.terms.blocked and state.status not in GOING_FORWARD
    return state.status not in TERMINAL and not has_given_up
