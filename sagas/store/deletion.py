"""Deleting executions."""

from django.db import connection

from sagas.machine import TERMINAL

LOCK_ENDED = """
-- Whole families, once each member is over, and nobody is at work on one of them. What `failed` is
-- not over: a person has to act. Nor is one whose events are not all on the bus.
WITH old AS (
    SELECT id FROM sagas_sagaexecution AS one
    WHERE parent_id IS NULL AND status = ANY(%(terminal)s)
      AND finished_at < clock_timestamp() - make_interval(secs => %(seconds)s)
      AND NOT (%(only_relayed)s AND relayed_seq < last_seq)
      AND NOT EXISTS (
          SELECT FROM sagas_sagaexecution WHERE root_id = one.id AND status <> ALL(%(terminal)s)
      )
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), members AS (
    SELECT id, root_id FROM sagas_sagaexecution
    WHERE root_id IN (SELECT id FROM old) AND NOT (%(only_relayed)s AND relayed_seq < last_seq)
    FOR UPDATE SKIP LOCKED
)
SELECT id, ARRAY(SELECT id FROM members WHERE root_id = old.id) FROM old
WHERE (SELECT count(*) FROM members WHERE root_id = old.id)
    = (SELECT count(*) FROM sagas_sagaexecution WHERE root_id = old.id)
"""

DELETE = """
-- A statement of its own, after the locks were granted: so it sees every event that was written
-- under them before, and nobody writes another.
WITH without_events AS (
    DELETE FROM sagas_sagaevent WHERE execution_id = ANY(%(ids)s)
), without_locks AS (
    DELETE FROM sagas_sagalock WHERE execution_id = ANY(%(ids)s)
)
DELETE FROM sagas_sagaexecution WHERE id = ANY(%(ids)s)
"""


def delete_ended(seconds: float, limit: int, *, only_relayed: bool) -> int:
    """Deletes the oldest executions that ended more than `seconds` ago, `limit` at most, with
    all that belongs to them; how many, not counting children. With `only_relayed`, none whose
    events are not all on the bus."""
    terminal = [status.value for status in TERMINAL]
    with connection.cursor() as cursor:
        cursor.execute(
            LOCK_ENDED,
            {
                "terminal": terminal,
                "seconds": seconds,
                "limit": limit,
                "only_relayed": only_relayed,
            },
        )
        families: list[tuple[int, list[int]]] = cursor.fetchall()
        ids = [one for root, children in families for one in (root, *children)]
        if ids:
            cursor.execute(DELETE, {"ids": ids})
        return len(families)
