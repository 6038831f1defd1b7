"""Events on their way to the event bus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from sagas.inputs import ANY_ID
from sagas.moments import as_number, from_number

_EVENT = f"""one.id, one.saga_id, one.saga_type, one.version,
       event.seq, event.type, event.step, event.direction, event.attempt, event.status,
       {as_number("event.at")}, event.data"""

UNRELAYED = f"""
-- By the partial index, half of it from either end: the oldest sagas are reached however many are
-- new, and those do not wait behind an hour's backlog. What was published already, but
-- could not be marked, is passed by.
WITH done AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(seqs)s::bigint[]) AS done (id, seq)
), waiting AS NOT MATERIALIZED (
    SELECT one.id, one.saga_id, one.saga_type, one.version, one.last_seq,
           greatest(one.relayed_seq, coalesce(done.seq, 0)) AS relayed_seq
    FROM sagas_sagaexecution AS one LEFT JOIN done USING (id)
    WHERE one.unrelayed AND one.last_seq > coalesce(done.seq, 0)
), picked AS (
    (SELECT * FROM waiting ORDER BY id LIMIT %(half)s)
    UNION
    (SELECT * FROM waiting ORDER BY id DESC LIMIT %(half)s)
)
SELECT {_EVENT}
FROM picked AS one CROSS JOIN LATERAL (
    SELECT * FROM sagas_sagaevent
    WHERE execution_id = one.id AND seq > one.relayed_seq
    ORDER BY seq LIMIT %(each)s
) AS event
ORDER BY one.id, event.seq
"""  # noqa: S608  (its own constants)

ONE_EVENT = f"""
SELECT {_EVENT}
FROM sagas_sagaexecution AS one JOIN sagas_sagaevent AS event ON event.execution_id = one.id
WHERE one.saga_id = %s AND event.seq = %s
"""  # noqa: S608

LAG = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(event.at)), 0),
       coalesce(sum(one.last_seq - one.relayed_seq), 0), count(*)
FROM sagas_sagaexecution AS one CROSS JOIN LATERAL (
    SELECT at FROM sagas_sagaevent
    WHERE execution_id = one.id AND seq > one.relayed_seq ORDER BY seq LIMIT 1
) AS event
WHERE one.unrelayed
"""


class CommittedEvent(NamedTuple):
    """An event with what the bus has to know of its execution. `data` is JSON as text: it goes on
    as it is. A tuple, because a relay makes thousands of them a second."""

    execution_id: int
    saga_id: str
    saga_type: str
    version: int
    seq: int
    type: str
    step: str | None
    direction: str | None
    attempt: int | None
    status: str
    at: datetime
    data: str


@dataclass(frozen=True, slots=True)
class RelayLag:
    """`seconds` is the age of the oldest event that is not on the bus, 0 if all are. `events` and
    `executions` are how many are waiting."""

    seconds: float
    events: int
    executions: int


def unrelayed(executions: int, each: int, done: Mapping[int, int]) -> Sequence[CommittedEvent]:
    """The first `each` events that are not on the bus, of at most `executions` executions, by
    execution and number. `done` says up to which number events were published that the rows don't
    show yet."""
    values: dict[str, Any] = {
        "ids": list(done),
        "seqs": list(done.values()),
        "half": max(1, executions // 2),
        "each": each,
    }
    with connection.cursor() as cursor:
        cursor.execute(UNRELAYED, values)
        return [_event(row) for row in cursor.fetchall()]


def committed_event(saga_id: str, seq: int) -> CommittedEvent | None:
    """The event with that number; None if there is none, or if its saga was deleted."""
    if not ANY_ID.fullmatch(saga_id) or not 0 < seq < 1 << 63:
        return None  # PostgreSQL is not even asked for what can't be
    with connection.cursor() as cursor:
        cursor.execute(ONE_EVENT, [saga_id, seq])
        row = cursor.fetchone()
        return None if row is None else _event(row)


def _event(row: tuple[Any, ...]) -> CommittedEvent:
    *before, at, data = row
    return CommittedEvent._make([*before, from_number(at), data])


def relay_lag() -> RelayLag:
    """How far the bus is behind: one statement, which reads a row for each execution that waits."""
    with connection.cursor() as cursor:
        cursor.execute(LAG)
        seconds, events, executions = cursor.fetchone()
        return RelayLag(float(seconds), int(events), executions)
