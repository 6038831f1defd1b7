"""Names that sagas hold: a queue for each, whose first hold it.

A family (a saga and its children) has one place in a queue. It holds the name if, counted from the
first, it is no further back than the smallest number that a family up to it has named. A lock is
the number 1. So a name is held by no more families than any of its holders has named; it is given
first come, first served; and who holds it keeps it, since others only join behind or leave.

Whoever joins or leaves a queue first takes its name for the transaction, so that places are given
in the order of the commits, and nobody is ever forgotten.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import connection

GUARD = """
SELECT pg_advisory_xact_lock(hashtextextended(name, 7297))
FROM (SELECT unnest(%s::text[]) AS name ORDER BY 1) AS names
"""

_WAITS = """
-- Behind as many families as it allows, it waits in any case: none of the others is looked at.
SELECT count(*) >= least({own}.most, min(most)) AS so FROM (
    SELECT DISTINCT ON (place) most FROM sagas_sagalock
    WHERE key = {own}.key AND place < {own}.place ORDER BY place LIMIT {own}.most
) AS ahead
"""

_HOLDERS = """
SELECT place FROM (
    SELECT place, row_number() OVER so_far AS rank, min(most) OVER so_far AS most FROM (
        SELECT DISTINCT ON (place) place, most FROM sagas_sagalock WHERE key = {queue}.key
        ORDER BY place LIMIT (
            SELECT most FROM sagas_sagalock WHERE key = {queue}.key ORDER BY place LIMIT 1
        )
    ) AS first WINDOW so_far AS (ORDER BY place)
) AS family WHERE rank <= most
"""

ASK = f"""
WITH own AS MATERIALIZED (
    SELECT wanted.key, coalesce(family.most, wanted.most) AS most,
           coalesce(family.place, 9223372036854775807) AS place
    FROM unnest(%(keys)s::text[], %(most)s::integer[]) AS wanted (key, most)
    LEFT JOIN LATERAL (
        SELECT place, most FROM sagas_sagalock
        WHERE family_id = %(family_id)s AND key = wanted.key LIMIT 1
    ) AS family ON true
)
SELECT own.key, own.most, waits.so
FROM own CROSS JOIN LATERAL ({_WAITS.format(own="own")}) AS waits ORDER BY own.key
"""

JOIN = """
INSERT INTO sagas_sagalock (key, execution_id, family_id, most, family_place)
SELECT wanted.key, %(execution_id)s, %(family_id)s, coalesce(family.most, wanted.most), family.place
FROM unnest(%(keys)s::text[], %(most)s::integer[]) AS wanted (key, most)
LEFT JOIN LATERAL (
    SELECT place, most FROM sagas_sagalock
    WHERE family_id = %(family_id)s AND key = wanted.key LIMIT 1
) AS family ON true
"""

STANDING = f"""
SELECT own.execution_id, waits.so,
       own.place < (SELECT max(place) FROM sagas_sagalock WHERE key = own.key)
FROM sagas_sagalock AS own CROSS JOIN LATERAL ({_WAITS.format(own="own")}) AS waits
WHERE own.family_id = %s
"""

MAY_WAIT_FOR_ITSELF = f"""
-- The names that it waits for, those that their holders wait for, and so on: does it hold one?
WITH RECURSIVE wanted (key) AS (
    SELECT own.key::text
    FROM sagas_sagalock AS own CROSS JOIN LATERAL ({_WAITS.format(own="own")}) AS waits
    WHERE own.family_id = %(family_id)s AND waits.so
    UNION
    SELECT theirs.key FROM wanted
    CROSS JOIN LATERAL ({_HOLDERS.format(queue="wanted")}) AS holder
    JOIN sagas_sagalock AS member ON member.key = wanted.key AND member.place = holder.place
    JOIN sagas_sagalock AS theirs ON theirs.family_id = member.family_id
    CROSS JOIN LATERAL ({_WAITS.format(own="theirs")}) AS waits
    WHERE waits.so
)
SELECT EXISTS (
    SELECT FROM wanted JOIN sagas_sagalock AS own ON own.key = wanted.key
    CROSS JOIN LATERAL ({_WAITS.format(own="own")}) AS waits
    WHERE own.family_id = %(family_id)s AND NOT waits.so
)
"""

KEYS = "SELECT key FROM sagas_sagalock WHERE execution_id = %s"

LEAVE = "DELETE FROM sagas_sagalock WHERE execution_id = %s"

CALL_NEXT = f"""
-- Those that hold a name now and still wait are woken; one that somebody is at work on looks by
-- itself soon.
UPDATE sagas_sagaexecution SET wake_at = clock_timestamp() WHERE id IN (
    SELECT id FROM sagas_sagaexecution
    WHERE wake_at IS NOT NULL AND options ? 'blocked' AND id IN (
        SELECT member.execution_id FROM unnest(%s::text[]) AS freed (key)
        CROSS JOIN LATERAL ({_HOLDERS.format(queue="freed")}) AS holder
        JOIN sagas_sagalock AS member ON member.key = freed.key AND member.place = holder.place
    )
    FOR UPDATE SKIP LOCKED
)
"""

LINKED = """
-- All queues that have families in common with the queues of this one, and so on.
WITH RECURSIVE linked (key) AS (
    SELECT key::text FROM sagas_sagalock WHERE family_id = %s
    UNION
    SELECT theirs.key FROM linked
    JOIN sagas_sagalock AS member ON member.key = linked.key
    JOIN sagas_sagalock AS theirs ON theirs.family_id = member.family_id
)
SELECT member.key, member.place, member.most, execution.saga_id
FROM linked JOIN sagas_sagalock AS member ON member.key = linked.key
JOIN sagas_sagaexecution AS execution ON execution.id = member.execution_id
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a family would find that asked for `key`: whether it had to wait, and the number that
    counts, `most`: that of the first of its family to name the key."""

    key: str
    most: int
    waits: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How one of a family's executions stands in a queue: whether it waits there, and whether other
    families stand behind it."""

    execution_id: int
    waits: bool
    is_followed: bool


@dataclass(frozen=True, slots=True)
class Member:
    """An execution in the queue for `key`. Its family's `place` orders the queue, and is its own
    with `most`."""

    key: str
    place: int
    most: int
    saga_id: str


def guard(keys: Collection[str]) -> None:
    """Holds the queues of `keys` as they are, until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(GUARD, [sorted(keys)])


def ask(limits: Mapping[str, int], family_id: int | None) -> list[Ask]:
    """What a family finds that wants these names, in their order: key → the number that may hold
    it. None of it waits if `family_id` holds it already."""
    with connection.cursor() as cursor:
        cursor.execute(ASK, {**_arrays(limits), "family_id": family_id})
        return [Ask(*row) for row in cursor.fetchall()]


def join(execution_id: int, limits: Mapping[str, int], family_id: int) -> None:
    """Stands in the queue of each of these names: at the place of its family, if that has one."""
    with connection.cursor() as cursor:
        values = {**_arrays(limits), "family_id": family_id, "execution_id": execution_id}
        cursor.execute(JOIN, values)


def standing(family_id: int) -> list[Standing]:
    """How a family stands in each of its queues, one for each of its executions there."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [family_id])
        return [Standing(*row) for row in cursor.fetchall()]


def may_wait_for_itself(family_id: int) -> bool:
    """Whether a family waits, by one holder after the other, for itself. Others may hold the same
    names, and end; so this is no deadlock yet, but without it there is none."""
    with connection.cursor() as cursor:
        cursor.execute(MAY_WAIT_FOR_ITSELF, {"family_id": family_id})
        return bool(cursor.fetchone()[0])


def keys_of(execution_id: int) -> list[str]:
    """The names that an execution holds or waits for."""
    with connection.cursor() as cursor:
        cursor.execute(KEYS, [execution_id])
        return [row[0] for row in cursor.fetchall()]


def leave(execution_id: int) -> None:
    """Frees the names of an execution, and calls those that come next."""
    keys = keys_of(execution_id)
    if not keys:
        return
    guard(keys)
    with connection.cursor() as cursor:
        cursor.execute(LEAVE, [execution_id])
        cursor.execute(CALL_NEXT, [keys])


def linked(family_id: int) -> list[Member]:
    """Everybody in the queues of a family, in those of whoever is there, and so on."""
    with connection.cursor() as cursor:
        cursor.execute(LINKED, [family_id])
        return [Member(*row) for row in cursor.fetchall()]


def _arrays(limits: Mapping[str, int]) -> dict[str, list[str] | list[int]]:
    keys = sorted(limits)
    return {"keys": keys, "most": [limits[key] for key in keys]}
