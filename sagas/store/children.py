"""What passes between a parent and its children, in their rows."""

import json
from collections import Counter
from typing import Any

from django.db import connection

from sagas.machine import (
    ChildCommand,
    ExecutionStatus,
    Outcome,
    ParentCommand,
    Saga,
    StepState,
    event_from_json,
)
from sagas.machine.events import SagaCompensating
from sagas.machine.facts import BY_PARENT

AtFault = tuple[int, list[tuple[int, SagaCompensating]]]
"""How many children gave up by themselves; of the first, their numbers and why."""

Output = tuple[dict[str, Any], set[str]]
"""A child's context, and the keys that its steps wrote."""

Result = Output | SagaCompensating | None
"""What a child that completed gives; why one that gave up did; None for one that was withdrawn."""

TAKE_OUTCOMES = """
-- Waits for children that are at work right now; they never wait for their parent.
WITH news AS (
    SELECT id, outcome_taken AS before FROM sagas_sagaexecution
    WHERE parent_id = %s AND outcome <> outcome_taken ORDER BY id FOR UPDATE
)
UPDATE sagas_sagaexecution AS child
SET outcome_taken = child.outcome,
    wake_at = CASE WHEN child.finished_at IS NULL THEN child.wake_at END
FROM news WHERE child.id = news.id AND child.outcome <> ''
RETURNING child.parent_step, news.before, child.outcome
"""

LEAVE_ORDER = """
UPDATE sagas_sagaexecution
-- To tell anew there is nothing to do but to be looked at.
SET commands = CASE
        WHEN %(command)s = 'report' THEN commands ELSE commands || to_jsonb(%(command)s::text)
    END,
    wake_at = clock_timestamp(),
    -- What is tried again will tell again, be it the same.
    outcome = CASE WHEN %(command)s = 'retry' THEN '' ELSE outcome END,
    outcome_taken = CASE WHEN %(command)s IN ('retry', 'report') THEN '' ELSE outcome_taken END
WHERE parent_id = %(parent_id)s AND (parent_step = %(step)s OR %(step)s IS NULL)
  AND (number = %(number)s OR %(number)s IS NULL)
  AND status = ANY(%(statuses)s)
  -- What was let go already has nothing to hear.
  AND (%(command)s <> 'release' OR options ? 'held')
"""

NUMBERED = """
SELECT id FROM sagas_sagaexecution WHERE parent_id = %s AND parent_step = %s AND number = %s
"""

OUTPUTS = """
SELECT context, steps FROM sagas_sagaexecution
WHERE parent_id = %s AND parent_step = %s ORDER BY number
"""

RESULTS = """
SELECT child.status = 'completed', CASE WHEN child.status = 'completed' THEN child.context END,
       CASE WHEN child.status = 'completed' THEN child.steps END, turned.data
FROM sagas_sagaexecution AS child
LEFT JOIN LATERAL (
    SELECT data FROM sagas_sagaevent
    WHERE execution_id = child.id AND type = 'saga.compensating' ORDER BY seq LIMIT 1
) AS turned ON child.status <> 'completed'
WHERE child.parent_id = %s AND child.parent_step = %s ORDER BY child.number
"""

BEFORE_AND_AFTER = """
SELECT begun.data -> 'context', child.context
FROM sagas_sagaexecution AS child
JOIN sagas_sagaevent AS begun ON begun.execution_id = child.id AND begun.seq = 1
WHERE child.parent_id = %s AND child.parent_step = %s AND child.number = %s
"""

UNLIKE = """
SELECT saga_id FROM sagas_sagaexecution
WHERE parent_id = %(parent_id)s AND parent_step = %(step)s AND saga_type = %(saga_type)s
  AND (status NOT IN ('completed', 'compensated') OR (status = 'completed' AND options ? 'held'))
  AND (version, definition_digest) <> (%(version)s, %(digest)s)
ORDER BY number
"""

AT_FAULT = """
-- Those that turned back first and by themselves, and not because their parent said so.
SELECT child.number, turned.data, count(*) OVER ()
FROM sagas_sagaexecution AS child
CROSS JOIN LATERAL (
    SELECT data FROM sagas_sagaevent
    WHERE execution_id = child.id AND type = 'saga.compensating' ORDER BY seq LIMIT 1
) AS turned
WHERE child.parent_id = %(parent_id)s AND child.parent_step = %(step)s
  AND child.outcome = 'gave_up' AND turned.data ->> 'because' <> %(parent)s
ORDER BY child.number LIMIT %(most)s
"""

_LIVE = {ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.COMPENSATING}
_OBEYED_BY = {
    ParentCommand.HALT: {ExecutionStatus.PENDING, ExecutionStatus.RUNNING},
    ParentCommand.UNDO: _LIVE | {ExecutionStatus.COMPLETED},
    ParentCommand.RELEASE: {ExecutionStatus.COMPENSATING},
    ParentCommand.WITHDRAW: _LIVE,
    ParentCommand.RETRY: {ExecutionStatus.FAILED},
    ParentCommand.RESOLVE: {ExecutionStatus.FAILED},
    ParentCommand.PAUSE: _LIVE,
    ParentCommand.RESUME: _LIVE,
    ParentCommand.REPORT: {ExecutionStatus.COMPLETED, ExecutionStatus.COMPENSATED},
}
"""Order → the statuses of the children that it means anything to."""


def take_outcomes(parent_id: int) -> dict[str, Counter[Outcome]]:
    """Step → how many more of its children have come to each outcome since this was last asked."""
    changes: dict[str, Counter[Outcome]] = {}
    with connection.cursor() as cursor:
        cursor.execute(TAKE_OUTCOMES, [parent_id])
        for step, before, after in cursor.fetchall():
            change = changes.setdefault(step, Counter())
            change[Outcome(after)] += 1
            if before:
                change[Outcome(before)] -= 1
    return changes


def numbered(parent_id: int, step: str, number: int) -> int | None:
    """The id of that child of `step`, from 0; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(NUMBERED, [parent_id, step, number])
        found = cursor.fetchone()
    return None if found is None else int(found[0])


def leave_command(parent_id: int, given: ChildCommand) -> None:
    """Leaves a command with the children that it is for; the wake loops carry it out."""
    values = {
        "parent_id": parent_id,
        "step": given.step,
        "number": given.number,
        "command": given.command.value,
        "statuses": [status.value for status in _OBEYED_BY[given.command]],
    }
    with connection.cursor() as cursor:
        cursor.execute(LEAVE_ORDER, values)


def outputs(parent_id: int, step: str) -> list[Output]:
    """For each child of `step`, in order: its context, and the keys that its steps wrote."""
    with connection.cursor() as cursor:
        cursor.execute(OUTPUTS, [parent_id, step])
        return [
            (json.loads(context), _written(json.loads(steps)))
            for context, steps in cursor.fetchall()
        ]


def before_and_after(
    parent_id: int, step: str, number: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The context that this child of `step` began with, and the one that it has."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE_AND_AFTER, [parent_id, step, number])
        before, after = cursor.fetchone()
    return json.loads(before), json.loads(after)


def results(parent_id: int, step: str) -> list[Result]:
    """Of each child of `step`, in order."""
    with connection.cursor() as cursor:
        cursor.execute(RESULTS, [parent_id, step])
        return [
            (json.loads(context), _written(json.loads(steps)))
            if is_completed
            else by_itself(_turned(json.loads(data)))
            for is_completed, context, steps, data in cursor.fetchall()
        ]


def by_itself(turned: SagaCompensating) -> SagaCompensating | None:
    """None for one that turned back because its parent said so."""
    return None if turned.because == BY_PARENT else turned


def unlike(parent_id: int, step: str, items: Saga) -> list[str]:
    """The saga_ids of the children of `step`, of the type of `items`, that go by another
    definition than that, and may have to act."""
    values: dict[str, Any] = {
        "parent_id": parent_id,
        "step": step,
        "saga_type": items.saga_type,
        "version": items.version,
        "digest": items.digest,
    }
    with connection.cursor() as cursor:
        cursor.execute(UNLIKE, values)
        return [row[0] for row in cursor.fetchall()]


def at_fault(parent_id: int, step: str, most: int) -> AtFault:
    """The children of `step` that gave up by themselves: how many, and of `most` of them, in order,
    the number and why it turned back."""
    values: dict[str, Any] = {
        "parent_id": parent_id,
        "step": step,
        "parent": BY_PARENT,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(AT_FAULT, values)
        rows = cursor.fetchall()
    turned = [(number, _turned(json.loads(data))) for number, data, _ in rows]
    return (rows[0][2] if rows else 0), turned


def _turned(data: dict[str, Any]) -> SagaCompensating:
    event = event_from_json(SagaCompensating.type, data)
    assert isinstance(event, SagaCompensating), "it was looked up by its type"
    return event


def _written(steps: dict[str, Any]) -> set[str]:
    return {key for data in steps.values() for key in StepState.from_json(data).wrote}
