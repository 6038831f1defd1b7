"""Who is told of a committed transition: `tasks` sends its hints, `realtime` its push.

The engine knows none of them. They register when Django starts, and are called after the commit,
in the process that made it.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
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


Listener = Callable[[Sequence[Committed]], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Calls `listener` after each commit, in this process, with all that was announced together:
    what it sends for many costs little more than for one. What it raises is logged and ignored: it
    carries hints, and the row stands behind them."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(execution_id: int, definition: Saga, decision: Decision) -> None:
    """Tells the listeners, once the present transaction is committed (S9)."""
    announce_all([(execution_id, definition, decision)])


def announce_all(transitions: Iterable[tuple[int, Saga, Decision]]) -> None:
    """The same for many at once: of each its execution's id, its definition and the decision."""
    committed = [_committed(*each) for each in transitions]
    if committed:
        transaction.on_commit(lambda: tell(committed))


def announce_committed(transitions: Iterable[tuple[int, Saga, Decision]]) -> None:
    """Tells the listeners of what was a transaction of its own."""
    if committed := [_committed(*each) for each in transitions]:
        tell(committed)


def _committed(execution_id: int, definition: Saga, decision: Decision) -> Committed:
    state = decision.state
    return Committed(execution_id, state.saga_id, definition, state.last_seq, decision.hints)


def tell(committed: Sequence[Committed]) -> None:
    """Calls every listener, whatever becomes of the others."""
    for listener in _listeners:
        try:
            listener(committed)
        except Exception:
            logger.exception(
                "%s is at event %s, and %s could not be notified of it and of %s others. The rows "
                "are saved.",
                committed[0].saga_id,
                committed[0].last_seq,
                listener,
                len(committed) - 1,
            )
