"""Every write, as SQL that is named here and nowhere else. Only `sagas.engine` calls it.

Each function needs its caller's transaction, but for `due`, `stranded` and `postpone`, which are
one statement each. Times come from PostgreSQL's `clock_timestamp()`, read after the row's lock was
granted: a transaction that waited for the lock must not decide by the time at which it began (S13).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from sagas.machine import Decision, ExecutionState, ExecutionStatus, StepState
from sagas.machine import events as ev
from sagas.machine.decision import Recorded


@dataclass(frozen=True, slots=True)
class Locked:
    """An execution whose row this transaction holds, and the time at which it got it."""

    id: int
    state: ExecutionState
    hints_sent: int
    wake_at: datetime | None
    now: datetime

    @property
    def is_due(self) -> bool:
        """Whether its wake_at has come."""
        return self.wake_at is not None and self.wake_at <= self.now


@dataclass(frozen=True, slots=True)
class Found:
    """What tells whether a start is a repeated one (S11)."""

    id: int
    saga_type: str
    status: str
    input_digest: str
    owner_id: int | None


_COLUMNS = """id, saga_id, saga_type, version, status, paused, context, steps, last_seq,
       hints_sent, wake_at"""

LOCK = f"""
-- Materialized, so that the clock is read after the lock was granted.
WITH locked AS MATERIALIZED (
    SELECT {_COLUMNS} FROM sagas_sagaexecution WHERE id = %s FOR UPDATE {{skip}}
)
SELECT {_COLUMNS}, clock_timestamp() FROM locked
"""

FIND = """
SELECT id, saga_type, status, input_digest, owner_id FROM sagas_sagaexecution WHERE saga_id = %s
"""

INSERT = """
-- Waits for a concurrent start of the same saga_id, then inserts nothing.
INSERT INTO sagas_sagaexecution
    (saga_id, saga_type, version, input_digest, status, paused, context, steps, current_steps,
     revision, last_seq, wake_at, hints_sent, owner_id, created_at, updated_at, finished_at)
VALUES (%(saga_id)s, %(saga_type)s, %(version)s, %(input_digest)s, %(status)s, false,
        %(context)s, %(steps)s, %(current_steps)s, 1, %(last_seq)s, %(wake_at)s, 0,
        %(owner_id)s, %(now)s, %(now)s, NULL)
ON CONFLICT (saga_id) DO NOTHING
RETURNING id
"""

EVENTS = """
INSERT INTO sagas_sagaevent
    (execution_id, seq, type, step, direction, attempt, at, status, data)
SELECT %(id)s, e.seq, e.type, e.step, e.direction, e.attempt, %(now)s, e.status, e.data
FROM jsonb_to_recordset(%(events)s::jsonb) AS e
    (seq bigint, type text, step text, direction text, attempt integer, status text, data jsonb)
"""

SAVE = f"""
-- One statement for a transition: its events, and the row that they lead to. The number of the
-- event before them is compared, though the lock is held: the database refuses a gap too (S8).
WITH written AS ({EVENTS})
UPDATE sagas_sagaexecution
SET status = %(status)s, context = %(context)s, steps = %(steps)s,
    current_steps = %(current_steps)s, revision = revision + 1, last_seq = %(last_seq)s,
    wake_at = %(wake_at)s, hints_sent = 0, updated_at = %(now)s,
    finished_at = CASE WHEN %(at_rest)s THEN coalesce(finished_at, %(now)s) END
WHERE id = %(id)s AND last_seq = %(seen_seq)s
"""

REPEAT_HINTS = """
UPDATE sagas_sagaexecution SET wake_at = %(wake_at)s, hints_sent = %(hints_sent)s
WHERE id = %(id)s
"""

DUE = """
-- By the partial index on wake_at. Only what this process has a definition for (S12).
SELECT id FROM sagas_sagaexecution
WHERE wake_at <= clock_timestamp() AND (saga_type, version) IN (
    SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[])
)
ORDER BY wake_at LIMIT %(limit)s
"""

STRANDED = """
-- What is due and has waited for so long that nobody seems to have its definition.
SELECT saga_type, version, count(*) FROM sagas_sagaexecution
WHERE wake_at <= clock_timestamp() - interval '30 seconds' AND (saga_type, version) NOT IN (
    SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[])
)
GROUP BY saga_type, version
"""

POSTPONE = """
UPDATE sagas_sagaexecution SET wake_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND wake_at IS NOT NULL
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


def insert(
    decision: Decision,
    *,
    input_digest: str,
    owner_id: int | None,
    wake_at: datetime | None,
    now: datetime,
) -> int | None:
    """A new execution with its first events; its id, or None if the saga_id is taken."""
    values = _row(decision.state, wake_at, now) | {
        "saga_id": decision.state.saga_id,
        "saga_type": decision.state.saga_type,
        "version": decision.state.version,
        "input_digest": input_digest,
        "owner_id": owner_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values)
        row = cursor.fetchone()
        if row is None:
            return None
        execution_id: int = row[0]
        events = _events(decision.events)
        cursor.execute(EVENTS, {"id": execution_id, "now": now, "events": events})
        return execution_id


def lock(execution_id: int) -> Locked | None:
    """The execution, once its row's lock is granted; None if there is none."""
    return _lock(LOCK.format(skip=""), execution_id)


def lock_if_free(execution_id: int) -> Locked | None:
    """The execution; None if there is none, or somebody is at work on it right now (R14)."""
    return _lock(LOCK.format(skip="SKIP LOCKED"), execution_id)


def find(saga_id: str) -> Found | None:
    """Who has that saga_id. Takes no lock: the caller may keep its transaction open for long."""
    with connection.cursor() as cursor:
        cursor.execute(FIND, [saga_id])
        row = cursor.fetchone()
        return None if row is None else Found(*row)


def save(locked: Locked, decision: Decision, wake_at: datetime | None) -> None:
    """A transition: the events and the row that they lead to."""
    values = _row(decision.state, wake_at, locked.now) | {
        "id": locked.id,
        "seen_seq": locked.state.last_seq,
        "at_rest": decision.state.is_at_rest,
        "events": _events(decision.events),
    }
    with connection.cursor() as cursor:
        cursor.execute(SAVE, values)
        if cursor.rowcount != 1:
            raise RuntimeError(
                f"{locked.state.saga_id} changed under this transaction's lock, so something "
                f"writes rows past sagas.store. The transition was not saved."
            )


def repeat_hints(locked: Locked, wake_at: datetime | None) -> None:
    """Notes that the hints of an unchanged state are sent once more, and when the next time is."""
    sent = min(locked.hints_sent + 1, 1000)  # far past the longest interval, and fits the column
    with connection.cursor() as cursor:
        cursor.execute(REPEAT_HINTS, {"id": locked.id, "wake_at": wake_at, "hints_sent": sent})


def due(known: Iterable[tuple[str, int]], limit: int) -> list[int]:
    """The ids of at most `limit` executions whose wake_at has come, the longest due first."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, _types(known) | {"limit": limit})
        return [row[0] for row in cursor.fetchall()]


def stranded(known: Iterable[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """(type, version, how many) of what is due but has no definition among `known`."""
    with connection.cursor() as cursor:
        cursor.execute(STRANDED, _types(known))
        return [(saga_type, version, count) for saga_type, version, count in cursor.fetchall()]


def postpone(execution_id: int, seconds: float) -> None:
    """Moves the next wake-up of an execution that could not be handled."""
    with connection.cursor() as cursor:
        cursor.execute(POSTPONE, {"id": execution_id, "seconds": seconds})


def _lock(sql: str, execution_id: int) -> Locked | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [execution_id])
        row = cursor.fetchone()
    if row is None:
        return None
    (id_, saga_id, saga_type, version, status, paused, context, steps, last_seq, *rest) = row
    state = ExecutionState(
        saga_id,
        saga_type,
        version,
        ExecutionStatus(status),
        paused,
        json.loads(context),
        {name: StepState.from_json(data) for name, data in json.loads(steps).items()},
        last_seq,
    )
    return Locked(id_, state, *rest)


def _row(state: ExecutionState, wake_at: datetime | None, moment: datetime) -> dict[str, Any]:
    return {
        "status": state.status.value,
        "context": json.dumps(state.context, ensure_ascii=False),
        "steps": json.dumps({name: step.to_json() for name, step in state.steps.items()}),
        "current_steps": json.dumps(state.current_steps),
        "last_seq": state.last_seq,
        "wake_at": wake_at,
        "now": moment,
    }


def _events(events: Iterable[Recorded]) -> str:
    """The rows for `events`, as a JSON array of records."""
    records = []
    for recorded in events:
        data = ev.to_json(recorded.event)
        records.append(
            {
                "seq": recorded.seq,
                "type": recorded.event.type,
                "status": recorded.status.value,
                "step": data.pop("step", None),
                "direction": data.pop("direction", None),
                "attempt": data.pop("attempt", None),
                "data": data,
            }
        )
    return json.dumps(records, ensure_ascii=False)


def _types(known: Iterable[tuple[str, int]]) -> dict[str, list[Any]]:
    pairs = list(known)
    return {"types": [pair[0] for pair in pairs], "versions": [pair[1] for pair in pairs]}
