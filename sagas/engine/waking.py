"""Looking at what is due: what the wake loop of every worker calls."""

import logging
from collections.abc import Callable, Set
from datetime import datetime
from typing import Final

from django.db import InterfaceError, OperationalError, transaction

from sagas.engine.transact import repeat, transact
from sagas.machine import Route, Woken, decide
from sagas.registry import registry
from sagas.store import due, executions
from sagas.store.executions import Locked

logger = logging.getLogger(__name__)

POISON_PAUSE: Final = 60.0
"""Seconds before an execution that could not be handled at all is looked at again. Without it, a
few of them at the head of the queue would take the whole batch of each wake-up."""


def wake(limit: int, full: Callable[[], Set[Route]] = frozenset) -> int:
    """Looks at no more than `limit` executions whose wake_at has come; how many there were.

    `full` says which steps' hints go to a queue that holds more messages than workers take at
    once; it is asked if anything is due. Such hints are not repeated now (R21).

    Any number of processes may do this at once: each row goes to one of them (R14).
    """
    execution_ids = due.due(_known(), limit)
    fact = Woken(frozenset(full()) if execution_ids else frozenset())
    put_off = _put_off(execution_ids, fact) if fact.full else set()
    for execution_id in execution_ids:
        if execution_id in put_off:
            continue
        try:
            transact(execution_id, fact, only_if_due=True)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception(
                "Execution %s could not be woken; it is tried again in %s seconds.",
                execution_id,
                POISON_PAUSE,
            )
            due.postpone(execution_id, POISON_PAUSE)
    return len(execution_ids)


def stranded() -> list[tuple[str, int, int]]:
    """(type, version, how many) of what is due, and unknown to this process."""
    return due.stranded(_known())


def _put_off(execution_ids: list[int], woken: Woken) -> set[int]:
    """Those of `execution_ids` for which there is nothing to decide, and nothing to send: their
    next look is moved, all at once. The others are for whoever handles them one by one."""
    wake_ats: dict[int, datetime | None] = {}
    try:
        with transaction.atomic(durable=True):
            for locked in executions.lock_those_free(execution_ids):
                if locked.is_due and _has_nothing_to_decide(locked, woken):
                    repeated = repeat(locked, woken)
                    if not repeated.hints:
                        wake_ats[locked.id] = repeated.wake_at
            due.put_off(wake_ats)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.warning("One of these %s is poisoned: one by one. %r", len(execution_ids), error)
        return set()
    return set(wake_ats)


def _has_nothing_to_decide(locked: Locked, woken: Woken) -> bool:
    """Whether a look would only repeat hints. What concerns a family or a lock is looked at."""
    state = locked.state
    is_related = locked.parent_id is not None or any(s.children for s in state.steps.values())
    if is_related or state.terms.blocked:
        return False
    definition = registry.find(state.saga_type, state.version)
    return definition is not None and not decide(definition, state, woken, locked.now).events


def _known() -> list[tuple[str, int]]:
    return [(saga.saga_type, saga.version) for saga in registry]
