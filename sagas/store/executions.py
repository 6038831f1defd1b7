"""The execution's row and its events: read in one statement, written in one."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from django.db import connection

from sagas.machine import (
    Decision,
    ExecutionState,
    ExecutionStatus,
    StepState,
    Terms,
    event_json,
)
from sagas.machine.copying import copier
from sagas.machine.decision import Recorded
from sagas.machine.states import Words
from sagas.machine.wake import waits_for_signals
from sagas.store import statements

TRUSTED_FOR: Final = 1.0
"""Seconds by which the time of a decision may be off the database's clock (S13). A lease allows
for three; a process that stood still for longer than this reads the clock again."""


@dataclass(frozen=True, slots=True)
class Locked:
    """An execution as it was read, under its row's lock or without, and the time at which it was.

    `read_at` is the same moment by this process's own clock, which only measures what has gone by
    since.
    """

    id: int
    state: ExecutionState
    hints_sent: int
    wake_at: datetime | None
    owner_id: int | None
    parent_id: int | None
    root_id: int | None
    orders: list[str]
    outcome_taken: str
    now: datetime
    read_at: float

    def at_present(self) -> "Locked":
        """The same, at the time that it is by now: the database's clock, a round trip saved."""
        read_at = monotonic()
        now = self.now + timedelta(seconds=read_at - self.read_at)
        return locked_with(self, {"now": now, "read_at": read_at})

    @property
    def is_due(self) -> bool:
        """Whether its wake_at has come."""
        return self.wake_at is not None and self.wake_at <= self.now

    @property
    def family_id(self) -> int:
        """Who holds its locks: its root, or itself."""
        return self.id if self.root_id is None else self.root_id


locked_with = copier(Locked)
"""A `Locked` with other fields."""


@dataclass(frozen=True, slots=True)
class Found:
    """What tells whether a start is a repeated one (S11)."""

    id: int
    saga_type: str
    status: str
    input_digest: str
    owner_id: int | None


_COLUMNS = """id, saga_id, saga_type, version, status, paused, context, steps, last_seq, terms,
       hints_sent, wake_at, owner_id, parent_id, root_id, orders, outcome_taken"""

# One is looked up by itself: for `id = ANY(…)` PostgreSQL makes a bitmap of all that the index has,
# and visits every dead version of the row.
PEEK = f"SELECT {_COLUMNS}, clock_timestamp() FROM sagas_sagaexecution WHERE id = %(id)s"

PEEK_AT = f"SELECT {_COLUMNS}, clock_timestamp() FROM sagas_sagaexecution WHERE id = ANY(%(ids)s)"

_LOCK = f"""
-- Materialized, so that the clock is read after the lock was granted.
WITH locked AS MATERIALIZED (
    SELECT {_COLUMNS} FROM sagas_sagaexecution WHERE {{which}} FOR UPDATE {{skip}}
)
SELECT {_COLUMNS}, clock_timestamp() FROM locked
"""

LOCK = _LOCK.format(which="id = %(id)s", skip="")

LOCK_FREE = _LOCK.format(which="id = ANY(%(ids)s)", skip="SKIP LOCKED")

FIND = """
SELECT saga_id, id, saga_type, status, input_digest, owner_id FROM sagas_sagaexecution
WHERE saga_id = ANY(%s)
"""

EVENTS = """
INSERT INTO sagas_sagaevent
    (execution_id, seq, type, step, direction, attempt, at, status, data)
SELECT e.execution_id, e.seq, e.type, e.step, e.direction, e.attempt, %(now)s, e.status, e.data
FROM jsonb_to_recordset(%(events)s::jsonb) AS e
    (execution_id bigint, seq bigint, type text, step text, direction text, attempt integer,
     status text, data jsonb)
"""

SAVE = f"""
-- One statement for a transition: the row, and the events that led to it. It may be decided on what
-- was read without a lock. So nothing is written if anything has changed that a decision looks at,
-- if the clock is not what it was taken for, or if somebody else is at work on the row: whoever
-- waited would come too late with the time of a decision (S13).
-- Only the steps that changed are sent, and the context only if it did: what PostgreSQL keeps of it
-- out of line is not written again.
WITH seen AS MATERIALIZED (
    SELECT id FROM sagas_sagaexecution
    WHERE id = %(id)s AND last_seq = %(seen_seq)s AND orders = %(seen_orders)s::jsonb
      AND outcome_taken = %(seen_outcome)s
      AND extract(epoch FROM clock_timestamp() - %(now)s) BETWEEN -%(trusted)s AND %(trusted)s
    FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE sagas_sagaexecution AS e
    SET status = %(status)s, paused = %(paused)s,
        context = coalesce(%(context)s::jsonb, context),
        steps = e.steps || %(steps)s::jsonb,
        current_steps = %(current_steps)s::jsonb, terms = %(terms)s::jsonb,
        revision = revision + 1, last_seq = %(last_seq)s, wake_at = %(wake_at)s,
        waits_for_signal = %(waits_for_signal)s, hints_sent = 0, orders = '[]',
        outcome = %(outcome)s, updated_at = %(now)s,
        finished_at = CASE WHEN %(at_rest)s THEN coalesce(finished_at, %(now)s) END
    FROM seen WHERE e.id = seen.id
    RETURNING e.id
), written AS ({EVENTS} JOIN moved ON moved.id = e.execution_id)
SELECT id FROM moved
"""


def drop_broken_connection() -> None:
    """A time limit that strikes inside a COMMIT, or an action that plays with autocommit, leaves
    a connection on which every later transaction would fail, or never be committed."""
    mine = statements.connection_here()
    if mine.connection is None or mine.in_atomic_block:
        return
    if not mine.get_autocommit():
        mine.close()


def now() -> datetime:
    """The database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def lock(execution_id: int) -> Locked | None:
    """The execution, once its row's lock is granted; None if there is none."""
    return next(_read(LOCK, {"id": execution_id}), None)


def lock_if_free(execution_id: int) -> Locked | None:
    """The execution; None if there is none, or somebody is at work on it right now (R14)."""
    return next(lock_those_free([execution_id]), None)


def lock_those_free(execution_ids: list[int]) -> Iterator[Locked]:
    """Those of these executions that there are, and that nobody is at work on right now (R14)."""
    return _read(LOCK_FREE, {"ids": execution_ids})


def peek(execution_id: int) -> Locked | None:
    """The execution as it stands, without its lock."""
    return next(_read(PEEK, {"id": execution_id}), None)


def peek_at(execution_ids: Iterable[int]) -> dict[int, Locked]:
    """id → execution, of those of these that there are: the same for many in one statement."""
    return {row.id: row for row in _read(PEEK_AT, {"ids": list(execution_ids)})}


def find(*saga_ids: str) -> dict[str, Found]:
    """Who has each of these saga_ids that is taken. Takes no lock: the caller may keep its
    transaction open for long."""
    with connection.cursor() as cursor:
        cursor.execute(FIND, [list(saga_ids)])
        return {saga_id: Found(*rest) for saga_id, *rest in cursor.fetchall()}


def save(
    seen: Locked, decision: Decision, wake_at: datetime | None, outcome: str, *, locked: bool
) -> bool:
    """A transition: the row and the events that led to it. False, and nothing is written, if the
    row is not what was `seen` any more, or the clock not what it was taken for.

    With a row that is `locked` neither can be, but by something that writes past `sagas.store`.
    """
    before, after = seen.state, decision.state
    changed = {
        name: step.to_json()
        for name, step in after.steps.items()
        if before.steps.get(name) is not step
    }
    values = {
        "id": seen.id,
        "now": seen.now,
        "seen_seq": before.last_seq,
        "seen_orders": _json(seen.orders) if seen.orders else "[]",
        "seen_outcome": seen.outcome_taken,
        "trusted": math.inf if locked else TRUSTED_FOR,
        "status": after.status.value,
        "paused": after.paused,
        "context": None if after.context is before.context else _json(after.context),
        "steps": _json(changed),
        "current_steps": _json(after.current_steps),
        "terms": _json(after.terms.to_json()),
        "last_seq": after.last_seq,
        "wake_at": wake_at,
        "waits_for_signal": waits_for_signals(after),
        "at_rest": after.is_at_rest,
        "outcome": outcome,
        "events": _json(list(_records(seen.id, decision.events))),
    }
    return bool(statements.run(SAVE, values))


def _read(sql: str, values: Mapping[str, Any]) -> Iterator[Locked]:
    rows = statements.run(sql, values)
    read_at = monotonic()
    return (_locked(row, read_at) for row in rows)


def _locked(row: tuple[Any, ...], read_at: float) -> Locked:
    (id_, saga_id, saga_type, version, status, paused, context, steps, last_seq, terms, *rest) = row
    hints_sent, wake_at, owner_id, parent_id, root_id, orders, outcome_taken, moment = rest
    state = ExecutionState(
        saga_id,
        saga_type,
        version,
        _STATUSES[status],
        paused,
        json.loads(context),
        {name: StepState.from_json(data) for name, data in json.loads(steps).items()},
        last_seq,
        Terms.from_json(json.loads(terms)),
    )
    relatives = owner_id, parent_id, root_id, json.loads(orders), outcome_taken
    return Locked(id_, state, hints_sent, wake_at, *relatives, moment, read_at)


def _records(execution_id: int, events: Iterable[Recorded]) -> Iterable[dict[str, Any]]:
    """The rows for `events`."""
    for recorded in events:
        data = event_json.to_json(recorded.event)
        yield {
            "execution_id": execution_id,
            "seq": recorded.seq,
            "type": recorded.event.type,
            "status": recorded.status.value,
            "step": data.pop("step", None),
            "direction": data.pop("direction", None),
            "attempt": data.pop("attempt", None),
            "data": data,
        }


# Made once: `json.dumps` makes one for each call that asks for anything but its defaults.
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_STATUSES: Final = Words(ExecutionStatus)
