"""The execution's row and its events: read under the lock, written in one statement."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from sagas.machine import (
    Decision,
    ExecutionState,
    ExecutionStatus,
    StepState,
    Terms,
    event_json,
)
from sagas.machine.decision import Recorded
from sagas.machine.wake import waits_for_signals


@dataclass(frozen=True, slots=True)
class Locked:
    """An execution whose row this transaction holds, and the time at which it got it."""

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

    @property
    def is_due(self) -> bool:
        """Whether its wake_at has come."""
        return self.wake_at is not None and self.wake_at <= self.now

    @property
    def family_id(self) -> int:
        """Who holds its locks: its root, or itself."""
        return self.id if self.root_id is None else self.root_id


@dataclass(frozen=True, slots=True)
class New:
    """An execution to be inserted."""

    decision: Decision
    input_digest: str
    definition_digest: str
    wake_at: datetime | None
    parent_id: int | None = None
    parent_step: str = ""
    number: int = 0
    root_id: int | None = None
    tags: tuple[str, ...] = ()


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

PEEK = f"SELECT {_COLUMNS}, clock_timestamp() FROM sagas_sagaexecution WHERE id = ANY(%s)"

LOCK = f"""
-- Materialized, so that the clock is read after the lock was granted.
WITH locked AS MATERIALIZED (
    SELECT {_COLUMNS} FROM sagas_sagaexecution WHERE id = ANY(%s) FOR UPDATE {{skip}}
)
SELECT {_COLUMNS}, clock_timestamp() FROM locked
"""

FIND = """
SELECT id, saga_type, status, input_digest, owner_id FROM sagas_sagaexecution WHERE saga_id = %s
"""

INSERT = """
-- Waits for a concurrent start of the same saga_id, then inserts nothing.
INSERT INTO sagas_sagaexecution
    (saga_id, saga_type, version, definition_digest, input_digest, status, paused, context, steps,
     current_steps, terms, revision, last_seq, wake_at, waits_for_signal, hints_sent, owner_id,
     parent_id, parent_step, number, root_id, tags, created_at, updated_at, finished_at)
SELECT n.saga_id, n.saga_type, n.version, n.definition_digest, n.input_digest, n.status, false,
       n.context, n.steps, n.current_steps, n.terms, 1, n.last_seq, n.wake_at, n.waits_for_signal,
       0, %(owner_id)s, n.parent_id, n.parent_step, n.number, n.root_id, n.tags, %(now)s,
       %(now)s,
       CASE WHEN n.at_rest THEN %(now)s END
FROM jsonb_to_recordset(%(rows)s::jsonb) AS n
    (saga_id text, saga_type text, version integer, definition_digest text, input_digest text,
     status text, context jsonb, steps jsonb, current_steps jsonb, terms jsonb, last_seq bigint,
     wake_at timestamptz, waits_for_signal boolean, parent_id bigint,
     parent_step text, number integer, root_id bigint, tags jsonb, at_rest boolean)
ON CONFLICT (saga_id) DO NOTHING
RETURNING id, saga_id
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
-- One statement for a transition: its events, and the row that they lead to. The number of the
-- event before them is compared, though the lock is held: the database refuses a gap too (S8).
-- A context that did not change is not sent, and what PostgreSQL keeps of it out of line is not
-- written again.
WITH written AS ({EVENTS})
UPDATE sagas_sagaexecution
SET status = %(status)s, paused = %(paused)s,
    context = coalesce(%(context)s::jsonb, context), steps = %(steps)s,
    current_steps = %(current_steps)s, terms = %(terms)s, revision = revision + 1,
    last_seq = %(last_seq)s, wake_at = %(wake_at)s, waits_for_signal = %(waits_for_signal)s,
    hints_sent = 0, orders = '[]', outcome = %(outcome)s, updated_at = %(now)s,
    finished_at = CASE WHEN %(at_rest)s THEN coalesce(finished_at, %(now)s) END
WHERE id = %(id)s AND last_seq = %(seen_seq)s
"""


def drop_broken_connection() -> None:
    """A time limit that strikes inside a COMMIT, or an action that plays with autocommit, leaves
    a connection on which every later transaction would fail, or never be committed."""
    if connection.connection is None or connection.in_atomic_block:
        return
    if not connection.get_autocommit():
        connection.close()


def now() -> datetime:
    """The database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def insert(new: Iterable[New], owner_id: int | None, now: datetime) -> dict[str, int]:
    """New executions of one owner, with their first events: saga_id → id. A saga_id that is taken
    is not among them, and nothing is written for it."""
    rows = {entry.decision.state.saga_id: entry for entry in new}
    with connection.cursor() as cursor:
        encoded = json.dumps([_new_row(entry) for entry in rows.values()], ensure_ascii=False)
        cursor.execute(INSERT, {"rows": encoded, "owner_id": owner_id, "now": now})
        ids = {saga_id: id_ for id_, saga_id in cursor.fetchall()}
        records = [
            record
            for saga_id, id_ in ids.items()
            for record in _records(id_, rows[saga_id].decision.events)
        ]
        if records:
            events = json.dumps(records, ensure_ascii=False)
            cursor.execute(EVENTS, {"now": now, "events": events})
    return ids


def lock(execution_id: int) -> Locked | None:
    """The execution, once its row's lock is granted; None if there is none."""
    return next(_read(LOCK.format(skip=""), [execution_id]), None)


def lock_if_free(execution_id: int) -> Locked | None:
    """The execution; None if there is none, or somebody is at work on it right now (R14)."""
    return next(lock_those_free([execution_id]), None)


def lock_those_free(execution_ids: list[int]) -> Iterator[Locked]:
    """Those of these executions that there are, and that nobody is at work on right now (R14)."""
    return _read(LOCK.format(skip="SKIP LOCKED"), execution_ids)


def peek(execution_id: int) -> Locked | None:
    """The execution as it stands, without its lock: for reading alone."""
    return next(_read(PEEK, [execution_id]), None)


def find(saga_id: str) -> Found | None:
    """Who has that saga_id. Takes no lock: the caller may keep its transaction open for long."""
    with connection.cursor() as cursor:
        cursor.execute(FIND, [saga_id])
        row = cursor.fetchone()
        return None if row is None else Found(*row)


def save(locked: Locked, decision: Decision, wake_at: datetime | None, outcome: str) -> None:
    """A transition: the events and the row that they lead to."""
    before, after = locked.state, decision.state
    values = _row(after) | {
        "id": locked.id,
        "now": locked.now,
        "seen_seq": before.last_seq,
        "wake_at": wake_at,
        "outcome": outcome,
        "context": None if after.context is before.context else _json(after.context),
        "events": json.dumps(list(_records(locked.id, decision.events)), ensure_ascii=False),
    }
    for name in ("steps", "current_steps", "terms"):
        values[name] = _json(values[name])
    with connection.cursor() as cursor:
        cursor.execute(SAVE, values)
        if cursor.rowcount != 1:
            raise RuntimeError(
                f"{before.saga_id} changed under this transaction's lock, so something writes "
                f"rows past sagas.store. The transition was not saved."
            )


def _read(sql: str, execution_ids: list[int]) -> Iterator[Locked]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [execution_ids])
        rows = cursor.fetchall()
    return map(_locked, rows)


def _locked(row: tuple[Any, ...]) -> Locked:
    (id_, saga_id, saga_type, version, status, paused, context, steps, last_seq, terms, *rest) = row
    hints_sent, wake_at, owner_id, parent_id, root_id, orders, outcome_taken, moment = rest
    state = ExecutionState(
        saga_id,
        saga_type,
        version,
        ExecutionStatus(status),
        paused,
        json.loads(context),
        {name: StepState.from_json(data) for name, data in json.loads(steps).items()},
        last_seq,
        Terms.from_json(json.loads(terms)),
    )
    relatives = owner_id, parent_id, root_id, json.loads(orders), outcome_taken
    return Locked(id_, state, hints_sent, wake_at, *relatives, moment)


def _row(state: ExecutionState) -> dict[str, Any]:
    """The columns that a transition always writes."""
    return {
        "status": state.status.value,
        "paused": state.paused,
        "steps": {name: step.to_json() for name, step in state.steps.items()},
        "current_steps": state.current_steps,
        "terms": state.terms.to_json(),
        "last_seq": state.last_seq,
        "waits_for_signal": waits_for_signals(state),
        "at_rest": state.is_at_rest,
    }


def _new_row(new: New) -> dict[str, Any]:
    state = new.decision.state
    own = {
        name: getattr(new, name)
        for name in (
            "input_digest",
            "definition_digest",
            "parent_id",
            "parent_step",
            "number",
            "root_id",
            "tags",
        )
    }
    return (
        _row(state)
        | own
        | {
            "saga_id": state.saga_id,
            "saga_type": state.saga_type,
            "version": state.version,
            "context": state.context,
            "wake_at": new.wake_at.isoformat() if new.wake_at else None,
        }
    )


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


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
