"""The tasks that wait for a person: a row for each, for as long as it does."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from sagas.machine.context import json_text
from sagas.machine.open_tasks import Task

WRITE = """
-- Who writes them has locked their executions, or has just made them.
WITH given AS MATERIALIZED (
    SELECT *, %(now)s::timestamptz AS now FROM jsonb_to_recordset(%(tasks)s::jsonb) AS g
        (execution_id bigint, saga_type text, step text, assignee text, due_at timestamptz,
         due_after double precision)
), ended AS (
    DELETE FROM sagas_sagatask AS task WHERE execution_id = ANY(%(ids)s) AND NOT EXISTS (
        SELECT FROM given WHERE given.execution_id = task.execution_id AND given.step = task.step)
), changed AS (
    UPDATE sagas_sagatask AS task SET assignee = given.assignee,
        due_at = coalesce(given.due_at, task.since + make_interval(secs => given.due_after))
    FROM given WHERE given.execution_id = task.execution_id AND given.step = task.step
)
INSERT INTO sagas_sagatask (execution_id, saga_type, step, assignee, since, due_at)
SELECT execution_id, saga_type, step, assignee, now,
       coalesce(due_at, now + make_interval(secs => due_after))
FROM given WHERE NOT EXISTS (
    SELECT FROM sagas_sagatask AS task
    WHERE given.execution_id = task.execution_id AND given.step = task.step)
"""

UNDER_WAY = """
SELECT id FROM sagas_sagaexecution AS one
WHERE id > %(after)s AND finished_at IS NULL AND (
    (saga_type = ANY(%(types)s) AND current_steps ?| %(steps)s)
    OR EXISTS (SELECT FROM sagas_sagatask WHERE execution_id = one.id))
ORDER BY id LIMIT %(limit)s
"""


def under_way(waits: Collection[tuple[str, str]], after: int, limit: int) -> list[int]:
    """The ids, above `after` and in their order, of executions that have tasks, or may have: they
    are at one of these steps, each with its type."""
    types, steps = ({each[part] for each in waits} for part in (0, 1))
    values: dict[str, Any] = {
        "types": list(types),
        "steps": list(steps),
        "after": after,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(UNDER_WAY, values)
        return [row[0] for row in cursor.fetchall()]


def write(
    execution_ids: Iterable[int], tasks: Mapping[tuple[int, str, str], Task], now: datetime
) -> None:
    """Makes `tasks`, of an execution's id, its type and a step, the only ones of these executions;
    `now` is when new ones began. In the caller's transaction."""
    rows = [_row(*of, task) for of, task in tasks.items()]
    values: dict[str, Any] = {"ids": list(execution_ids), "tasks": json_text(rows), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, values)


def _row(execution_id: int, saga_type: str, step: str, task: Task) -> dict[str, Any]:
    return {
        "execution_id": execution_id,
        "saga_type": saga_type,
        "step": step,
        "assignee": task.assignee,
        "due_at": None if task.due_at is None else task.due_at.isoformat(),
        "due_after": None if task.due_after is None else task.due_after.total_seconds(),
    }
