"""What is due: the wake loop's statements, each a transaction of its own unless said otherwise."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from sagas.store.executions import Locked

DUE = """
-- By the partial index on wake_at, which a clock that is read for each row would not end. Only what
-- this process has a definition for (S12). Those of one wake_at, as one look promises it to many,
-- are put in order afterwards: there may be a hundred thousand of them.
SELECT id FROM (
    SELECT id, wake_at FROM sagas_sagaexecution
    WHERE wake_at <= (SELECT clock_timestamp()) AND (saga_type, version) IN (
        SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[])
    )
    ORDER BY wake_at LIMIT %(limit)s
) AS found
ORDER BY wake_at, id
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

PROMISE = """
-- In one statement: behind a long queue, or after the loss of one, there are thousands of them.
UPDATE sagas_sagaexecution AS e SET wake_at = v.wake_at, hints_sent = v.hints_sent
FROM unnest(%(ids)s::bigint[], %(moments)s::timestamptz[], %(sent)s::integer[])
    AS v (id, wake_at, hints_sent)
WHERE e.id = v.id
"""

MOST_SENT: Final = 1000
"""What is counted of repeated hints: far past the longest interval, and it fits the column."""


@dataclass(frozen=True, slots=True)
class Look:
    """At an execution that a transaction has locked: when the next one is promised for, and whether
    this one counts, so that those after it come less often."""

    locked: Locked
    wake_at: datetime | None
    counts: bool

    @property
    def hints_sent(self) -> int:
        return min(self.locked.hints_sent + self.counts, MOST_SENT)


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


def promise(looks: Sequence[Look]) -> None:
    """Notes what came of looks that changed nothing else. In the caller's transaction, which holds
    the rows."""
    if looks:
        values: dict[str, Any] = {
            "ids": [look.locked.id for look in looks],
            "moments": [look.wake_at for look in looks],
            "sent": [look.hints_sent for look in looks],
        }
        with connection.cursor() as cursor:
            cursor.execute(PROMISE, values)


def _types(known: Iterable[tuple[str, int]]) -> dict[str, list[Any]]:
    pairs = list(known)
    return {
        "types": [saga_type for saga_type, _ in pairs],
        "versions": [version for _, version in pairs],
    }
