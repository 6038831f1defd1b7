"""Deleting executions."""

from typing import Any

from django.db import connection

from sagas.machine import TERMINAL

DELETE_ENDED = """
-- Whole families, once each member is over. What `failed` is not over: a person has to act.
WITH old AS (
    SELECT id FROM sagas_sagaexecution AS one
    WHERE parent_id IS NULL AND status = ANY(%(terminal)s)
      AND finished_at < clock_timestamp() - make_interval(secs => %(seconds)s)
      AND NOT EXISTS (
          SELECT FROM sagas_sagaexecution WHERE root_id = one.id AND status <> ALL(%(terminal)s)
      )
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), family AS (
    SELECT id FROM old
    UNION ALL
    SELECT id FROM sagas_sagaexecution WHERE root_id IN (SELECT id FROM old)
), without_events AS (
    DELETE FROM sagas_sagaevent WHERE execution_id IN (SELECT id FROM family)
), without_locks AS (
    DELETE FROM sagas_sagalock WHERE execution_id IN (SELECT id FROM family)
), deleted AS (
    DELETE FROM sagas_sagaexecution WHERE id IN (SELECT id FROM family)
)
SELECT count(*) FROM old
"""


def delete_ended(seconds: float, limit: int) -> int:
    """Deletes the oldest executions that ended more than `seconds` ago, `limit` at most, with
    all that belongs to them; how many, not counting children."""
    values: dict[str, Any] = {
        "terminal": [status.value for status in TERMINAL],
        "seconds": seconds,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(DELETE_ENDED, values)
        count: int = cursor.fetchone()[0]
        return count
