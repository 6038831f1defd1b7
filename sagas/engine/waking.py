"""Looking at what is due: what the wake loop of every worker calls."""

import logging
from typing import Final

from django.db import InterfaceError, OperationalError

from sagas.engine.transact import transact
from sagas.machine import Woken
from sagas.registry import registry
from sagas.store import due

logger = logging.getLogger(__name__)

POISON_PAUSE: Final = 60.0
"""Seconds before an execution that could not be handled at all is looked at again. Without it, a
few of them at the head of the queue would take the whole batch of each wake-up."""


def wake(limit: int) -> int:
    """Looks at no more than `limit` executions whose wake_at has come; how many there were.

    Any number of processes may do this at once: each row goes to one of them (R14).
    """
    execution_ids = due.due(_known(), limit)
    for execution_id in execution_ids:
        try:
            transact(execution_id, Woken(), only_if_due=True)
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


def _known() -> list[tuple[str, int]]:
    return [(saga.saga_type, saga.version) for saga in registry]
