"""Deleting executions, and what is kept of them elsewhere."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from django.db import connection

from sagas.machine import TERMINAL

EXPORTED: Final = 50
"""Executions to a statement of `lines`: with contexts at their limit some 50 MB, usually 500 KB."""

# Spelled out, as the partial index spells it: PostgreSQL takes it for nothing less.
_TERMINAL = ", ".join(f"'{status}'" for status in sorted(TERMINAL))

LOCK_ENDED = f"""
-- Whole families, once each member is over, and nobody is at work on one of them. What `failed` is
-- not over: a person has to act. Nor is one whose events are not all on the bus.
-- By the partial index on finished_at, whose end is found because the clock is read once, before:
-- beside what is old it reads nothing, however much has ended since.
WITH old AS (
    SELECT id, last_seq FROM sagas_sagaexecution AS one
    WHERE parent_id IS NULL AND status IN ({_TERMINAL})
      AND finished_at < (SELECT clock_timestamp() - make_interval(secs => %(seconds)s))
      AND (%(among)s::bigint[] IS NULL OR id = ANY(%(among)s::bigint[]))
      AND NOT (%(only_relayed)s AND unrelayed)
      AND NOT EXISTS (
          SELECT FROM sagas_sagaexecution WHERE root_id = one.id AND status NOT IN ({_TERMINAL})
      )
    ORDER BY finished_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), members AS (
    SELECT id, root_id, last_seq FROM sagas_sagaexecution
    WHERE root_id IN (SELECT id FROM old) AND NOT (%(only_relayed)s AND unrelayed)
    FOR UPDATE SKIP LOCKED
)
SELECT id || ARRAY(SELECT id FROM members WHERE root_id = old.id ORDER BY id),
       last_seq || ARRAY(SELECT last_seq FROM members WHERE root_id = old.id ORDER BY id)
FROM old
WHERE (SELECT count(*) FROM members WHERE root_id = old.id)
    = (SELECT count(*) FROM sagas_sagaexecution WHERE root_id = old.id)
"""

LINES = """
SELECT (to_jsonb(one) || jsonb_build_object('events', ARRAY(
    SELECT to_jsonb(event) - 'execution_id' FROM sagas_sagaevent AS event
    WHERE execution_id = one.id ORDER BY seq
)))::text
FROM sagas_sagaexecution AS one WHERE id = ANY(%s) ORDER BY id
"""

DELETE = """
-- A statement of its own, after the locks were granted: so it sees every event that was written
-- under them before, and nobody writes another.
WITH without_events AS (
    DELETE FROM sagas_sagaevent WHERE execution_id = ANY(%(ids)s)
), without_locks AS (
    DELETE FROM sagas_sagalock WHERE execution_id = ANY(%(ids)s)
), without_tasks AS (
    DELETE FROM sagas_sagatask WHERE execution_id = ANY(%(ids)s)
)
DELETE FROM sagas_sagaexecution WHERE id = ANY(%(ids)s)
"""

Family = dict[int, int]
"""The members of a family, its topmost first: id → number of the newest event."""


def ended(
    seconds: float, limit: int, *, only_relayed: bool, among: Collection[int] | None = None
) -> list[Family]:
    """The sagas that ended longest ago, and more than `seconds` ago, `limit` at most, each with all
    its children; with `only_relayed`, none whose events are not all on the bus; with `among`, only
    those whose topmost is one of these. They are locked until the transaction ends."""
    values = {
        "seconds": seconds,
        "limit": limit,
        "only_relayed": only_relayed,
        "among": None if among is None else list(among),
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK_ENDED, values)
        return [dict(zip(*family, strict=True)) for family in cursor.fetchall()]


def lines(execution_ids: Collection[int]) -> Iterator[str]:
    """Each of these executions with its events as one line of JSON: the columns of its row, and
    under `events` those of its events."""
    left = iter(execution_ids)
    while some := list(islice(left, EXPORTED)):
        with connection.cursor() as cursor:
            cursor.execute(LINES, [some])
            yield from (row[0] for row in cursor.fetchall())


def delete(execution_ids: Collection[int]) -> None:
    """Deletes executions with all that belongs to them. The caller's transaction has locked them,
    and whoever else belongs to their families."""
    with connection.cursor() as cursor:
        cursor.execute(DELETE, {"ids": list(execution_ids)})
