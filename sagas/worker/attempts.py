"""What each process of a worker is at, in memory that a fork shares: so that its parent can read it
when the process has died (`sagas.worker.lost`), or hangs (`sagas.worker.limits`). It costs no
statement.

Each process has a slot of numbers: its id, when it was taken, how many actions it has begun, when
the one that runs must have ended (0 if none runs), and the last actions that it has begun.
"""

import mmap
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from zlib import crc32

from billiard.process import current_process
from celery.signals import worker_process_init

from sagas import engine
from sagas.machine import Progress

CHILDREN: Final = 256
"""Of a worker. What a further one is at is known to nobody: its leases say what becomes of it."""

GENERATIONS: Final = 4
"""Slots of a child and those that replace it: a dead one's is read before it is used again."""

LAST: Final = 64
"""Actions that are remembered: more than one process claims before it reports
(`sagas.worker.fast.batch`)."""

PID, TAKEN, BEGUN, ENDS_AT, ACTIONS = range(5)
KEY: Final = 3
"""Numbers that name an attempt, see `key`."""

WIDTH: Final = ACTIONS + KEY * LAST
NANOSECONDS: Final = 1_000_000_000

_slots: Final = memoryview(mmap.mmap(-1, 8 * WIDTH * GENERATIONS * CHILDREN)).cast("q")
_mine: int | None = None
"""Where this process's own slot begins."""

Key = tuple[int, int, int]
Attempts = Mapping[Key, Progress]
"""`key` → how far it got, of those that were begun."""


def key(execution_id: int, step: str, fence: int) -> Key:
    """What tells an attempt from all others: each step has fences of its own."""
    return execution_id, crc32(step.encode()), fence


@worker_process_init.connect
def take_slot(**_: object) -> None:
    """Called in each new child of a worker: takes the slot of its place that was taken first."""
    global _mine
    place, _mine = getattr(current_process(), "index", None), None
    if place is not None and place < CHILDREN:
        first = place * GENERATIONS * WIDTH
        mine = range(first, first + GENERATIONS * WIDTH, WIDTH)
        _mine = min(mine, key=lambda slot: _slots[slot + TAKEN])
        _slots[_mine + BEGUN] = _slots[_mine + ENDS_AT] = 0
        _slots[_mine + TAKEN], _slots[_mine + PID] = time.monotonic_ns(), os.getpid()


@contextmanager
def at_work(work: engine.Work, hard: timedelta) -> Iterator[None]:
    """Around an action, which must end within `hard`."""
    slot = _mine
    if slot is None:
        yield
        return
    begun = _slots[slot + BEGUN]
    action = slot + ACTIONS + KEY * (begun % LAST)
    for place, number in enumerate(key(work.execution_id, work.step, work.fence), action):
        _slots[place] = number
    _slots[slot + BEGUN] = begun + 1
    _slots[slot + ENDS_AT] = time.monotonic_ns() + int(hard.total_seconds() * NANOSECONDS)
    try:
        yield
    finally:
        _slots[slot + ENDS_AT] = 0


def attempts_of(pid: int) -> Attempts | None:
    """What a process of this worker was at; None if that is not known."""
    found = [slot for slot in _all() if _slots[slot + PID] == pid]
    if not found:
        return None
    slot = max(found, key=lambda slot: _slots[slot + TAKEN])
    begun = _slots[slot + BEGUN]
    attempts = {}
    for number in range(max(0, begun - LAST), begun):
        action = slot + ACTIONS + KEY * (number % LAST)
        is_running = number == begun - 1 and _slots[slot + ENDS_AT] != 0
        progress = Progress.RUNNING if is_running else Progress.RAN
        execution_id, step, fence = _slots[action : action + KEY]
        attempts[execution_id, step, fence] = progress
    return attempts


def overdue() -> set[tuple[int, int]]:
    """(process, how many actions it has begun) of those whose action should have ended; some may be
    dead."""
    now = time.monotonic_ns()
    late = [slot for slot in _all() if 0 < _slots[slot + ENDS_AT] < now]
    return {(_slots[slot + PID], _slots[slot + BEGUN]) for slot in late}


def _all() -> range:
    return range(0, len(_slots), WIDTH)
