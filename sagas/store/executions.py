"""The execution's row: read in one statement, with its lock or without."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from django.db import connection

from sagas.machine import ExecutionState, ExecutionStatus, Options, StepState
from sagas.machine.states import EnumLookup, copier
from sagas.moments import as_number, from_number
from sagas.store import statements

MOST_SAID: Final = 300
"""Characters of what is wrong with a row."""


class UnreadableRow(ValueError):
    """A row that something else wrote, or other code."""


@dataclass(frozen=True, slots=True)
class ExecutionSnapshot:
    """An execution as it was read, under its row's lock or without, and the time at which it was.

    `read_at` is the same moment by this process's own clock, which only measures what has gone by
    since.
    """

    id: int
    state: ExecutionState
    digest: str
    """Of the structure that it was started with, or has adopted since."""
    hints_sent: int
    wake_at: datetime | None
    owner_id: Any
    parent_id: int | None
    root_id: int | None
    commands: list[str]
    outcome_taken: str
    now: datetime
    read_at: float

    def at_present(self) -> "ExecutionSnapshot":
        """The same, at the time that it is by now: the database's clock, a round trip saved."""
        read_at = monotonic()
        now = self.now + timedelta(seconds=read_at - self.read_at)
        return snapshot_with(self, {"now": now, "read_at": read_at})

    @property
    def is_due(self) -> bool:
        """Whether its wake_at has come."""
        return self.wake_at is not None and self.wake_at <= self.now

    @property
    def family_id(self) -> int:
        """Who holds its locks: its root, or itself."""
        return self.id if self.root_id is None else self.root_id


snapshot_with = copier(ExecutionSnapshot)
"""An `ExecutionSnapshot` with other fields."""


@dataclass(frozen=True, slots=True)
class ExecutionKey:
    """What tells whether a start is a repeated one (S11)."""

    id: int
    saga_type: str
    status: str
    input_digest: str
    owner_id: Any


_COLUMNS = """id, saga_id, saga_type, version, status, paused, context, steps, last_seq, options,
       definition_digest, hints_sent, wake_at, owner_id, parent_id, root_id, commands,
       outcome_taken"""

_READ = f"{_COLUMNS.replace('wake_at', as_number('wake_at'))}, {as_number('clock_timestamp()')}"

# One is looked up by itself: for `id = ANY(…)` PostgreSQL makes a bitmap of all that the index has,
# and visits every dead version of the row.
PEEK = f"SELECT {_READ} FROM sagas_sagaexecution WHERE id = %(id)s"

PEEK_AT = f"SELECT {_READ} FROM sagas_sagaexecution WHERE id = ANY(%(ids)s)"

_LOCK = f"""
-- Materialized, so that the clock is read after the lock was granted.
WITH locked AS MATERIALIZED (
    SELECT {_COLUMNS} FROM sagas_sagaexecution WHERE {{which}} FOR UPDATE {{skip}}
)
SELECT {_READ} FROM locked
"""

LOCK = _LOCK.format(which="id = %(id)s", skip="")

LOCK_FREE = _LOCK.format(which="id = ANY(%(ids)s)", skip="SKIP LOCKED")

ADOPT = """
-- After the transition that says so, which has taken what the parent said: nobody has done it yet.
UPDATE sagas_sagaexecution
SET version = %(version)s, definition_digest = %(digest)s, commands = %(commands)s::jsonb
WHERE id = %(id)s
"""

FIND = """
SELECT saga_id, id, saga_type, status, input_digest, owner_id FROM sagas_sagaexecution
WHERE saga_id = ANY(%s)
"""


def lock(execution_id: int) -> ExecutionSnapshot | None:
    """The execution, once its row's lock is granted; None if there is none."""
    return next(_read(LOCK, {"id": execution_id}), None)


def lock_if_free(execution_id: int) -> ExecutionSnapshot | None:
    """The execution; None if there is none, or somebody is at work on it right now (R14)."""
    return next(lock_those_free([execution_id]), None)


def lock_those_free(execution_ids: list[int]) -> Iterator[ExecutionSnapshot]:
    """Those of these executions that there are, and that nobody is at work on right now (R14)."""
    return _read(LOCK_FREE, {"ids": execution_ids})


def peek(execution_id: int) -> ExecutionSnapshot | None:
    """The execution as it stands, without its lock."""
    return next(_read(PEEK, {"id": execution_id}), None)


def peek_at(execution_ids: Iterable[int]) -> dict[int, ExecutionSnapshot]:
    """id → execution, of those of these that there are: the same for many in one statement."""
    return {row.id: row for row in _read(PEEK_AT, {"ids": list(execution_ids)})}


def adopt(row: ExecutionSnapshot, version: int, digest: str) -> None:
    """Writes by which definition an execution goes on; in the transaction that has locked it."""
    commands = json.dumps(row.commands)
    values: dict[str, Any] = {
        "id": row.id,
        "version": version,
        "digest": digest,
        "commands": commands,
    }
    with connection.cursor() as cursor:
        cursor.execute(ADOPT, values)


def find(*saga_ids: str) -> dict[str, ExecutionKey]:
    """Who has each of these saga_ids that is taken. Takes no lock: the caller may keep its
    transaction open for long."""
    with connection.cursor() as cursor:
        cursor.execute(FIND, [list(saga_ids)])
        return {saga_id: ExecutionKey(*rest) for saga_id, *rest in cursor.fetchall()}


def _read(sql: str, values: Mapping[str, Any]) -> Iterator[ExecutionSnapshot]:
    rows = statements.run(sql, values)
    read_at = monotonic()
    return (_readable(row, read_at) for row in rows)


def _readable(row: tuple[Any, ...], read_at: float) -> ExecutionSnapshot:
    try:
        return _snapshot(row, read_at)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:MOST_SAID]
        raise UnreadableRow(f"The row of {row[1]} can't be read by this code: {said}.") from error


def _snapshot(row: tuple[Any, ...], read_at: float) -> ExecutionSnapshot:
    (id_, saga_id, saga_type, version, status, paused, context, steps, last_seq, options, *rest) = (
        row
    )
    digest, hints_sent, wake_at, owner_id, parent_id, root_id, commands, outcome_taken, moment = (
        rest
    )
    context, commands = json.loads(context), json.loads(commands)
    if type(context) is not dict or type(commands) is not list:
        raise ValueError("its context is not an object, or its commands are not a list")
    state = ExecutionState(
        saga_id,
        saga_type,
        version,
        _STATUSES[status],
        paused,
        context,
        {name: StepState.from_json(data) for name, data in json.loads(steps).items()},
        last_seq,
        Options.from_json(json.loads(options)),
    )
    relatives = owner_id, parent_id, root_id, commands, outcome_taken
    due = None if wake_at is None else from_number(wake_at)
    return ExecutionSnapshot(
        id_, state, digest, hints_sent, due, *relatives, from_number(moment), read_at
    )


_STATUSES: Final = EnumLookup(ExecutionStatus)
