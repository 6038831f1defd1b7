"""What is due: the wake loop's statements, each a transaction of its own unless said otherwise."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from sagas.store.executions import ExecutionSnapshot

DUE = """
-- By the partial index on wake_at, which a clock that is read for each row would not end. Only what
-- this process has the very definition of (S12). Those of one wake_at, as one look promises it to
-- many, are put in order afterwards: there may be a hundred thousand of them.
SELECT id FROM (
    SELECT id, wake_at FROM sagas_sagaexecution
    WHERE wake_at <= (SELECT clock_timestamp()) AND (saga_type, version, definition_digest) IN (
        SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[], %(digests)s::text[])
    )
    ORDER BY wake_at LIMIT %(limit)s
) AS found
ORDER BY wake_at, id
"""

STRANDED = """
-- What is due and has waited for so long that nobody seems to have its definition.
SELECT saga_type, version, definition_digest, count(*), min(saga_id) FROM sagas_sagaexecution
WHERE wake_at <= (SELECT clock_timestamp() - interval '30 seconds')
  AND (saga_type, version, definition_digest) NOT IN (
    SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[], %(digests)s::text[])
)
GROUP BY saga_type, version, definition_digest
"""

WAITED_FOR = """
-- Each queue that something waits behind, and none of what does: from one to the next in the index.
WITH RECURSIVE found AS (
    (SELECT blocked_by_queue AS queue FROM sagas_sagaexecution
     WHERE blocked_by_queue <> '' ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT e.blocked_by_queue FROM sagas_sagaexecution AS e
            WHERE e.blocked_by_queue <> '' AND e.blocked_by_queue > found.queue
            ORDER BY 1 LIMIT 1)
    FROM found WHERE found.queue IS NOT NULL
)
SELECT queue FROM found WHERE queue IS NOT NULL
"""

RELEASE = """
-- What has ended meanwhile, in code that did not know of this, has no wake_at and gets none. A
-- wake_at that has come stays: it says what had its look.
WITH released AS (
    SELECT id FROM sagas_sagaexecution WHERE blocked_by_queue = %(queue)s
    ORDER BY wake_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE sagas_sagaexecution AS e
SET blocked_by_queue = '',
    wake_at = CASE WHEN e.wake_at > clock_timestamp() THEN clock_timestamp() ELSE e.wake_at END
FROM released WHERE e.id = released.id
"""

POSTPONE = """
UPDATE sagas_sagaexecution SET wake_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND wake_at IS NOT NULL
"""

PROMISE = """
-- In one statement: behind a long queue, or after the loss of one, there are thousands of them.
UPDATE sagas_sagaexecution AS e
SET wake_at = v.wake_at, hints_sent = v.hints_sent, blocked_by_queue = v.blocked_by_queue
FROM unnest(%(ids)s::bigint[], %(moments)s::timestamptz[], %(sent)s::integer[], %(queues)s::text[])
    AS v (id, wake_at, hints_sent, blocked_by_queue)
WHERE e.id = v.id
"""

MOST_SENT: Final = 1000
"""What is counted of repeated hints: far past the longest interval, and it fits the column."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """At an execution that a transaction has locked: when the next one is promised for, whether
    this one counts, so that those after it come less often, and the queue that it waits behind."""

    locked: ExecutionSnapshot
    wake_at: datetime | None
    counts: bool
    blocked_by_queue: str

    @property
    def hints_sent(self) -> int:
        return min(self.locked.hints_sent + self.counts, MOST_SENT)


Definitions = Iterable[tuple[str, int, str]]
"""Types, versions and digests."""


@dataclass(frozen=True, slots=True)
class UnknownDefinition:
    """How many executions of one structure are due, and one of them."""

    saga_type: str
    version: int
    digest: str
    count: int
    example: str


def due(known: Definitions, limit: int) -> list[int]:
    """The ids of at most `limit` executions whose wake_at has come, the longest due first."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, _arrays(known) | {"limit": limit})
        return [row[0] for row in cursor.fetchall()]


def stranded(known: Definitions) -> list[UnknownDefinition]:
    """What is due, but has no definition among `known`."""
    with connection.cursor() as cursor:
        cursor.execute(STRANDED, _arrays(known))
        return [UnknownDefinition(*row) for row in cursor.fetchall()]


def waited_for() -> set[str]:
    """The full queues that executions wait behind."""
    with connection.cursor() as cursor:
        cursor.execute(WAITED_FOR)
        return {row[0] for row in cursor.fetchall()}


def release(queue: str, limit: int) -> None:
    """Makes due what waits behind a queue: at most `limit`, the longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, {"queue": queue, "limit": limit})


def postpone(execution_id: int, seconds: float) -> None:
    """Moves the next wake-up of an execution that could not be handled."""
    with connection.cursor() as cursor:
        cursor.execute(POSTPONE, {"id": execution_id, "seconds": seconds})


def promise(looks: Sequence[WakeUp]) -> None:
    """Notes what came of looks that changed nothing else. In the caller's transaction, which holds
    the rows."""
    if looks:
        values: dict[str, Any] = {
            "ids": [look.locked.id for look in looks],
            "moments": [look.wake_at for look in looks],
            "sent": [look.hints_sent for look in looks],
            "queues": [look.blocked_by_queue for look in looks],
        }
        with connection.cursor() as cursor:
            cursor.execute(PROMISE, values)


def _arrays(known: Definitions) -> dict[str, list[Any]]:
    # Without a digest: what was started before it was kept.
    all_of = [each for one in known for each in (one, (*one[:2], ""))]
    return {
        name: [each[place] for each in all_of]
        for place, name in enumerate(("types", "versions", "digests"))
    }
