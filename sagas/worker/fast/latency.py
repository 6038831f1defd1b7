"""Which actions are quick, as far as all processes of a worker have seen.

What is quick goes in step with others (`sagas.worker.fast.batch`), and its messages may wait
together for a process (`sagas.worker.fast.message_batching`).
"""

import mmap
from typing import Final

from sagas import engine
from sagas.worker.names import name_of

QUICK: Final = 0.002
"""Seconds that an action may take to go in step with others: a statement costs as much. So what is
done is reported, and what is claimed begins, within some milliseconds."""

RUNS: Final = 16
OF_WHICH_QUICK: Final = 14
"""Of an action's last runs, so many must have been quick: now and then it is the machine that is
slow."""

TASKS: Final = 1 << 15
"""So many tasks have a place; no further one is ever known as quick."""

_places: Final[dict[str, int]] = {}

_runs: Final = memoryview(mmap.mmap(-1, 2 * TASKS)).cast("H")
"""A bit for each of the last RUNS of a task's action: 1 if it was quick. In memory that a fork
shares. Two processes that write at once lose one of two runs."""


def watch(name: str) -> None:
    """Gives a task its place: before the worker's children are forked, else each has its own."""
    if len(_places) < TASKS:
        _places.setdefault(name, len(_places))


def note(work: engine.Work, seconds: float) -> None:
    """Notes how long an action ran. One with a single attempt never counts as quick: the end of a
    process, at another saga's action, must not take that from it."""
    place = _places.get(name_of(work))
    if place is not None:
        is_quick = seconds <= QUICK and work.retry.max_attempts != 1
        _runs[place] = (_runs[place] << 1 | is_quick) & (1 << RUNS) - 1


def is_quick(name: str) -> bool:
    """Whether nearly all of its action's last runs were."""
    place = _places.get(name)
    return place is not None and _runs[place].bit_count() >= OF_WHICH_QUICK
