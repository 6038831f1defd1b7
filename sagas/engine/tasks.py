"""The list of tasks that wait for a person, written with what they follow from: a transition, or
the birth of an execution. Of a saga without tasks, nothing is asked and nothing written."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction

from sagas.engine.fitting import fitting
from sagas.machine import ExecutionState, Saga
from sagas.machine.open_tasks import open_tasks
from sagas.registry import registry
from sagas.store import executions, recovery, tasks

LOOKED_AT: Final = 500
"""Ids that are read together."""

Row = tuple[int, Saga, ExecutionState]
"""An execution's id, its definition, and where it stands."""


def have_changed(definition: Saga, before: ExecutionState, after: ExecutionState) -> bool:
    """Whether other tasks wait for a person, or for another one, or until another time."""
    if not definition.tasks or before is after:
        return False
    return open_tasks(definition, before) != open_tasks(definition, after)


def write(rows: Collection[Row], now: datetime) -> None:
    """Those of executions that have changed by `now`; in the transaction that has locked them."""
    found = {
        (execution_id, definition.saga_type, step): task
        for execution_id, definition, state in rows
        for step, task in open_tasks(definition, state).items()
    }
    tasks.write([execution_id for execution_id, _, _ in rows], found, now)


def write_new(rows: Collection[Row], now: datetime) -> None:
    """The same for executions that this transaction has made, which have none yet."""
    waiting = [row for row in rows if row[1].tasks and open_tasks(row[1], row[2])]
    if waiting:
        write(waiting, now)


def renew_tasks() -> int:
    """Lists what waits for a person by the definitions that this process has, and returns how many
    executions it looked at. Needed once after a deploy that gave `permission`, `assignee`,
    `four_eyes` or `due` to a wait, or took them away: sagas that were waiting by then are listed by
    their old definition until they go on. New tasks count from now. Workers may run meanwhile, and
    it may be called again; each execution has a transaction of its own."""
    waits = {(saga.saga_type, step) for saga in registry for step in saga.tasks}
    after = count = 0
    while ids := tasks.under_way(waits, after, LOOKED_AT):
        for execution_id in ids:
            _renew(execution_id)
        after, count = ids[-1], count + len(ids)
    return count


@recovery.repeated
def _renew(execution_id: int) -> None:
    with transaction.atomic(durable=True):
        locked = executions.lock(execution_id)
        definition = None if locked is None else fitting(locked)
        if locked is not None and definition is not None:
            write([(execution_id, definition, locked.state)], locked.now)
