"""The list of tasks that wait for a person, written with what they follow from: a transition, or
the birth of an execution. Of a saga without tasks, nothing is asked and nothing written."""

from collections.abc import Collection
from datetime import datetime

from sagas.machine import ExecutionState, Saga
from sagas.machine.open_tasks import open_tasks
from sagas.store import tasks

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
