"""A transition: an execution's row and the events that led to it, written in one statement; those
of several executions in one, too."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagas.machine import AT_REST, Decision, event_to_json
from sagas.machine.context import json_text
from sagas.machine.decision import Recorded
from sagas.machine.wake import waits_for_signals
from sagas.store import statements
from sagas.store.clock import TRUSTED_FOR
from sagas.store.executions import ExecutionSnapshot

SAVE = """
-- Each may be decided on what was read without a lock. So nothing is written of one of which
-- anything has changed that a decision looks at, if the clock is not what it was taken for, or if
-- somebody else is at work on the row: whoever waited would come too late with the time of a
-- decision (S13).
-- Only the steps that changed are sent, and the context only if it did: what PostgreSQL keeps of it
-- out of line is not written again.
-- Of a range PostgreSQL expects one row, so it looks rows up by their key, whatever it believes of
-- the table: it keeps the plan while the table grows.
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(transitions)s::jsonb) AS t (
        id bigint, now timestamptz, seen_seq integer, seen_asked integer, seen_commands jsonb,
        seen_outcome text, status text, paused boolean, context jsonb, steps jsonb,
        current_steps jsonb, options jsonb, last_seq integer, wake_at timestamptz,
        waits_for_signal boolean, at_rest boolean, outcome text, events jsonb)
    WHERE id BETWEEN 0 AND 9223372036854775807
), seen AS MATERIALIZED (
    SELECT given.* FROM given JOIN sagas_sagaexecution AS e USING (id)
    WHERE e.last_seq = given.seen_seq
      AND coalesce((e.options ->> 'asked')::integer, 0) = coalesce(given.seen_asked, 0)
      AND e.commands = given.seen_commands
      AND e.outcome_taken = given.seen_outcome
      AND extract(epoch FROM clock_timestamp() - given.now)
          BETWEEN -%(trusted)s::float8 AND %(trusted)s::float8
    FOR NO KEY UPDATE OF e SKIP LOCKED
), moved AS (
    UPDATE sagas_sagaexecution AS e
    SET status = seen.status, paused = seen.paused,
        context = coalesce(seen.context, e.context), steps = e.steps || seen.steps,
        current_steps = seen.current_steps, options = seen.options,
        revision = e.revision + 1, last_seq = seen.last_seq, wake_at = seen.wake_at,
        waits_for_signal = seen.waits_for_signal, hints_sent = 0, commands = '[]',
        blocked_by_queue = '',
        outcome = seen.outcome, updated_at = seen.now,
        finished_at = CASE WHEN seen.at_rest THEN coalesce(e.finished_at, seen.now) END
    FROM seen WHERE e.id = seen.id
    RETURNING e.id, e.updated_at, seen.events
), written AS (
    INSERT INTO sagas_sagaevent
        (execution_id, seq, type, step, direction, attempt, at, status, data)
    SELECT moved.id, e.seq, e.type, e.step, e.direction, e.attempt, moved.updated_at, e.status,
           e.data
    FROM moved CROSS JOIN LATERAL jsonb_to_recordset(moved.events) AS e
        (seq bigint, type text, step text, direction text, attempt integer, status text,
         data jsonb)
)
SELECT id FROM moved
"""


@dataclass(frozen=True, slots=True)
class TransitionWrite:
    """What to write: a decision on an execution as it was `seen`, when somebody must look at it
    next, and what a child has come to, `""` if to nothing."""

    seen: ExecutionSnapshot
    decision: Decision
    wake_at: datetime | None
    outcome: str

    @property
    def changes_row(self) -> bool:
        """Whether there is anything to write. What a poll is asked is no event."""
        return self.decision.state is not self.seen.state


def save(transitions: Sequence[TransitionWrite], *, locked: bool) -> set[int]:
    """Writes them; the ids of those that were written. The others' rows are not what was `seen` any
    more, or the clock is not what it was taken for, and nothing of them is written.

    With a row that is `locked` neither can be, but by something that writes past `sagas.store`.
    """
    values = {
        "transitions": json_text([_record(each) for each in transitions]),
        "trusted": math.inf if locked else TRUSTED_FOR,
    }
    return {row[0] for row in statements.run(SAVE, values)}


def _record(written: TransitionWrite) -> dict[str, Any]:
    """By the names of `SAVE`."""
    seen, before, after = written.seen, written.seen.state, written.decision.state
    return {
        "id": seen.id,
        "now": seen.now.isoformat(),
        "seen_seq": before.last_seq,
        **({"seen_asked": before.options.asked} if before.options.asked else {}),
        "seen_commands": seen.commands,
        "seen_outcome": seen.outcome_taken,
        "status": after.status.value,
        "paused": after.paused,
        "context": None if after.context is before.context else after.context,
        "steps": {
            name: step.to_json()
            for name, step in after.steps.items()
            if before.steps.get(name) is not step
        },
        "current_steps": after.current_steps,
        "options": after.options.to_json(),
        "last_seq": after.last_seq,
        "wake_at": None if written.wake_at is None else written.wake_at.isoformat(),
        "at_rest": after.status in AT_REST,
        "waits_for_signal": waits_for_signals(after),
        "outcome": written.outcome,
        "events": event_rows(written.decision.events),
    }


def event_rows(events: Iterable[Recorded]) -> list[dict[str, Any]]:
    """The rows of events, without what is the same in all of an execution's."""
    rows = []
    for recorded in events:
        data = event_to_json(recorded.event)
        rows.append(
            {
                "seq": recorded.seq,
                "type": recorded.event.type,
                "status": recorded.status.value,
                "step": data.pop("step", None),
                "direction": data.pop("direction", None),
                "attempt": data.pop("attempt", None),
                "data": data,
            }
        )
    return rows
