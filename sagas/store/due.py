"""What is due: the wake loop's statements, each a transaction of its own unless said otherwise."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from sagas.store.executions import Locked

DUE = """
-- By the partial index on wake_at, which a clock that is read for each row would not end. Only what
-- this process has a definition for (S12).
SELECT id FROM sagas_sagaexecution
WHERE wake_at <= (SELECT clock_timestamp()) AND (saga_type, version) IN (
    SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[])
)
ORDER BY wake_at LIMIT %(limit)s
"""

STRANDED = """
-- What is due and has waited for so long that nobody seems to have its definition.
SELECT saga_type, version, count(*) FROM sagas_sagaexecution
WHERE wake_at <= (SELECT clock_timestamp() - interval '30 seconds')
  AND (saga_type, version) NOT IN (
    SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[])
)
GROUP BY saga_type, version
"""

POSTPONE = """
UPDATE sagas_sagaexecution SET wake_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND wake_at IS NOT NULL
"""

PUT_OFF = """
-- In one statement: behind a long queue there are thousands of them, each minute.
UPDATE sagas_sagaexecution AS e SET wake_at = v.wake_at
FROM unnest(%(ids)s::bigint[], %(moments)s::timestamptz[]) AS v (id, wake_at)
WHERE e.id = v.id
"""

REPEAT_HINTS = """
UPDATE sagas_sagaexecution SET wake_at = %(wake_at)s, hints_sent = %(hints_sent)s
WHERE id = %(id)s
"""


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


def repeat_hints(locked: Locked, wake_at: datetime | None) -> None:
    """Notes that the hints of an unchanged state are sent once more, and when the next time is.
    In the caller's transaction, which holds the row."""
    sent = min(locked.hints_sent + 1, 1000)  # far past the longest interval, and fits the column
    with connection.cursor() as cursor:
        cursor.execute(REPEAT_HINTS, {"id": locked.id, "wake_at": wake_at, "hints_sent": sent})


def put_off(wake_ats: Mapping[int, datetime | None]) -> None:
    """Moves the next look at executions that nobody is told of now. In the caller's transaction,
    which holds the rows."""
    with connection.cursor() as cursor:
        cursor.execute(PUT_OFF, {"ids": list(wake_ats), "moments": list(wake_ats.values())})


def _types(known: Iterable[tuple[str, int]]) -> dict[str, list[Any]]:
    pairs = list(known)
    return {
        "types": [saga_type for saga_type, _ in pairs],
        "versions": [version for _, version in pairs],
    }
