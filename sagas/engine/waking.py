"""Looking at what is due: what the wake loop of every worker calls."""

import logging
from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace
from typing import Final

from django.db import transaction

from sagas.engine.fitting import fitting
from sagas.engine.transact import repeat, transact
from sagas.listeners import announce_all
from sagas.machine import Decision, FullQueues, Saga, Woken, decide, due_reminders
from sagas.registry import registry
from sagas.store import due, executions, recovery
from sagas.store.due import UnknownDefinition, WakeUp
from sagas.store.executions import ExecutionSnapshot

logger = logging.getLogger(__name__)

POISON_PAUSE: Final = 60.0
"""Seconds before an execution that could not be handled at all is looked at again. Without it, a
few of them at the head of the queue would take the whole batch of each wake-up."""


@dataclass(frozen=True, slots=True)
class Queues:
    """What is known about the queues: those that hold more messages than workers take at once, by
    what leads there, and those that are nearly empty."""

    full: FullQueues = field(default_factory=dict)
    free: Set[str] = frozenset()


def wake(limit: int, ask: Callable[[Set[str]], Queues] = lambda _: Queues()) -> int:
    """Looks at no more than `limit` executions whose wake_at has come, and returns how many there
    were.

    `ask` returns the state of the queues, including those that it is given. It is called if
    anything is due or waits. Hints for a full queue are not repeated now (R21), but as soon as the
    queue is free: the executions that wait behind it are due then (L2).

    Any number of processes may do this at once: each row goes to one of them (R14).
    """
    if waited_for := due.waited_for():
        for queue in waited_for & ask(waited_for).free:
            due.release(queue, limit)
    execution_ids = due.due(_known(), limit)
    fact = Woken(ask(frozenset()).full if execution_ids else {})
    repeated = _repeat_together(execution_ids, fact)
    for execution_id in execution_ids:
        if execution_id in repeated:
            continue
        try:
            transact(execution_id, fact, only_if_due=True)
        except Exception as error:
            if recovery.is_of_session(error):
                raise
            logger.exception(
                "Execution %s could not be woken; trying again in %s seconds.",
                execution_id,
                POISON_PAUSE,
            )
            due.postpone(execution_id, POISON_PAUSE)
    return len(execution_ids)


def stranded() -> list[UnknownDefinition]:
    """Executions that are due, but have no definition in this process, or one of another
    structure."""
    return due.stranded(_known())


def _repeat_together(execution_ids: list[int], woken: Woken) -> set[int]:
    """Those of `execution_ids` for which there is nothing to decide: their hints are repeated and
    their next look is promised, all at once. The others are for whoever handles them one by one."""
    looks: list[WakeUp] = []
    told = []
    try:
        with transaction.atomic(durable=True):
            free = {locked.id: locked for locked in executions.lock_those_free(execution_ids)}
            for locked in filter(None, map(free.get, execution_ids)):  # the longest due first
                if not locked.is_due or not (found := _nothing_to_decide(locked, woken)):
                    continue
                definition, decision = found
                again = repeat(locked, woken)
                if again.hints:
                    told.append((locked.id, definition, replace(decision, hints=again.hints)))
                counts = bool(again.hints)
                looks.append(
                    WakeUp(
                        locked,
                        again.wake_at,
                        counts=counts,
                        blocked_by_queue=again.blocked_by_queue,
                    )
                )
            due.promise(looks)
            announce_all(told)
    except Exception as error:
        if recovery.is_of_session(error):
            raise
        logger.warning(
            "One of these %s executions can't be woken; waking them one by one. %r",
            len(execution_ids),
            error,
        )
        return set()
    return {look.locked.id for look in looks}


def _nothing_to_decide(locked: ExecutionSnapshot, woken: Woken) -> tuple[Saga, Decision] | None:
    """The decision, if a look would only repeat hints. What concerns a family or a lock is looked
    at."""
    state = locked.state
    is_related = locked.parent_id is not None or any(s.children for s in state.steps.values())
    definition = fitting(locked)
    if is_related or state.options.blocked or definition is None:
        return None
    decision = decide(definition, state, woken, locked.now)
    is_needed = decision.events or due_reminders(decision.state, locked.now)
    return None if is_needed else (definition, decision)


def _known() -> list[tuple[str, int, str]]:
    return [(saga.saga_type, saga.version, saga.digest) for saga in registry]
