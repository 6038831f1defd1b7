"""Who is told of a committed transition: `tasks` sends its hints, `realtime` its push.

The engine knows none of them. They register when Django starts, and are called after the commit,
in the process that made it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from sagas.machine import Decision, Hint, Saga

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Committed:
    """A transition that was committed: what the listeners may tell others."""

    execution_id: int
    saga_id: str
    definition: Saga
    last_seq: int
    hints: tuple[Hint, ...]


Listener = Callable[[Committed], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Calls `listener` after each commit, in this process. What it raises is logged and ignored:
    it carries hints, and the row stands behind them."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(execution_id: int, definition: Saga, decision: Decision) -> None:
    """Tells the listeners, once the present transaction is committed (S9)."""
    state = decision.state
    committed = Committed(execution_id, state.saga_id, definition, state.last_seq, decision.hints)
    transaction.on_commit(lambda: tell(committed))


def tell(committed: Committed) -> None:
    """Calls every listener, whatever becomes of the others."""
    for listener in _listeners:
        try:
            listener(committed)
        except Exception:
            logger.exception(
                "%s is at event %s, and %s could not be told; the row stands.",
                committed.saga_id,
                committed.last_seq,
                listener,
            )
