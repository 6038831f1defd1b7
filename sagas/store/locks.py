"""Named locks between sagas: a queue for each name, whose first holds it.

Whoever joins or leaves a queue first takes its name for the transaction, so that places are given
in the order of the commits: first come, first served, and nobody is ever forgotten.
"""

from collections.abc import Collection

from django.db import connection

GUARD = """
SELECT pg_advisory_xact_lock(hashtextextended(name, 7297))
FROM (SELECT unnest(%s::text[]) AS name ORDER BY 1) AS names
"""

HEADS = """
SELECT DISTINCT ON (key) key, family_id FROM sagas_sagalock
WHERE key = ANY(%s) ORDER BY key, id
"""

JOIN = """
INSERT INTO sagas_sagalock (key, execution_id, family_id)
SELECT unnest(%s::text[]), %s, %s
"""

KEYS = "SELECT key FROM sagas_sagalock WHERE execution_id = %s"

LEAVE = "DELETE FROM sagas_sagalock WHERE execution_id = %s"

CALL_NEXT = """
-- Those who are first now are woken; one that somebody is at work on looks by itself soon.
UPDATE sagas_sagaexecution SET wake_at = clock_timestamp() WHERE id IN (
    SELECT id FROM sagas_sagaexecution
    WHERE wake_at IS NOT NULL AND id IN (
        SELECT DISTINCT ON (key) execution_id FROM sagas_sagalock
        WHERE key = ANY(%s) ORDER BY key, id
    )
    FOR UPDATE SKIP LOCKED
)
"""

CIRCLE = """
-- Family → the family that it waits for, from this one on; a way back to itself is a deadlock.
WITH RECURSIVE waits AS (
    SELECT mine.family_id AS waiter, first.family_id AS holder, mine.key::text
    FROM sagas_sagalock AS mine
    CROSS JOIN LATERAL (
        SELECT family_id FROM sagas_sagalock WHERE key = mine.key ORDER BY id LIMIT 1
    ) AS first
    WHERE first.family_id <> mine.family_id
), chain AS (
    SELECT waiter, holder, ARRAY[key] AS keys, ARRAY[waiter] AS families FROM waits
    WHERE waiter = %(family_id)s
    UNION ALL
    SELECT waits.waiter, waits.holder, chain.keys || waits.key, chain.families || waits.waiter
    FROM chain JOIN waits ON waits.waiter = chain.holder
    WHERE NOT waits.waiter = ANY(chain.families)
)
SELECT keys FROM chain WHERE holder = %(family_id)s LIMIT 1
"""


def guard(keys: Collection[str]) -> None:
    """Holds the queues of `keys` as they are, until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(GUARD, [sorted(keys)])


def held_by_others(keys: Collection[str], family_id: int | None) -> list[str]:
    """Those of `keys` that another family than `family_id` is first for."""
    with connection.cursor() as cursor:
        cursor.execute(HEADS, [sorted(keys)])
        return [key for key, holder in cursor.fetchall() if holder != family_id]


def join(execution_id: int, keys: Collection[str], family_id: int) -> None:
    """Takes a place in the queue of each of `keys`."""
    with connection.cursor() as cursor:
        cursor.execute(JOIN, [sorted(keys), execution_id, family_id])


def keys_of(execution_id: int) -> list[str]:
    """The locks that an execution holds or waits for."""
    with connection.cursor() as cursor:
        cursor.execute(KEYS, [execution_id])
        return [row[0] for row in cursor.fetchall()]


def leave(execution_id: int) -> None:
    """Frees the locks of an execution, and calls those that come next."""
    keys = keys_of(execution_id)
    if not keys:
        return
    guard(keys)
    with connection.cursor() as cursor:
        cursor.execute(LEAVE, [execution_id])
        cursor.execute(CALL_NEXT, [keys])


def cycle(family_id: int) -> list[str]:
    """The locks by which a family waits for itself, in the end; empty if it does not."""
    with connection.cursor() as cursor:
        cursor.execute(CIRCLE, {"family_id": family_id})
        row = cursor.fetchone()
        return list(row[0]) if row else []
