"""New executions: their rows and their first events, in one statement."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagas.machine import Decision
from sagas.machine.context import json_text
from sagas.machine.events import SagaStarted
from sagas.machine.wake import waits_for_signals
from sagas.store import statements
from sagas.store.clock import TRUSTED_FOR
from sagas.store.transitions import event_rows


@dataclass(frozen=True, slots=True)
class NewExecution:
    """An execution to be inserted.

    `input` is the context that it is started with, as JSON. `first` is its first decision, or that
    of one that begins alike, in all but its saga_id and its context: those that share one differ
    in nothing else but their input, its digest and their tags.
    """

    saga_id: str
    input: str
    input_digest: str
    first: Decision
    definition_digest: str
    wake_at: datetime | None
    tags: tuple[str, ...] = ()
    parent_id: int | None = None
    parent_step: str = ""
    number: int = 0
    root_id: int | None = None
    outcome: str = ""
    """What a child has come to already; its parent has taken it."""


INSERT = """
-- Waits for a concurrent start of the same saga_id, then inserts nothing for it. Nor is anything
-- inserted if the clock is not what it was taken for; least of all if it is behind that: what is
-- due at `now` could be claimed at once, and would be refused (S13).
WITH given AS MATERIALIZED (
    SELECT *, %(now)s::timestamptz AS now FROM jsonb_to_recordset(%(rows)s::jsonb) AS n
        (saga_id text, saga_type text, version integer, definition_digest text, input_digest text,
         status text, context jsonb, steps jsonb, current_steps jsonb, options jsonb,
         last_seq bigint, wake_at timestamptz, waits_for_signal boolean, parent_id bigint,
         parent_step text, number integer, root_id bigint, outcome text, tags jsonb,
         at_rest boolean, input jsonb, events jsonb)
    WHERE %(is_sure)s::boolean OR (
        SELECT extract(epoch FROM clock_timestamp() - %(now)s::timestamptz)
               BETWEEN 0 AND %(trusted)s::float8)
), new AS (
    INSERT INTO sagas_sagaexecution
        (saga_id, saga_type, version, definition_digest, input_digest, status, paused, context,
         steps, current_steps, options, revision, last_seq, wake_at, waits_for_signal, hints_sent,
         owner_id, parent_id, parent_step, number, root_id, outcome, outcome_taken, tags,
         created_at, updated_at, finished_at)
    SELECT saga_id, saga_type, version, definition_digest, input_digest, status, false,
           coalesce(context, input), steps, current_steps, options, 1, last_seq, wake_at,
           waits_for_signal, 0, %(owner_id)s, parent_id, parent_step, number, root_id,
           outcome, outcome, tags, now, now, CASE WHEN at_rest THEN now END
    FROM given
    ON CONFLICT (saga_id) DO NOTHING
    RETURNING id, saga_id
), written AS (
    INSERT INTO sagas_sagaevent
        (execution_id, seq, type, step, direction, attempt, at, status, data)
    SELECT new.id, e.seq, e.type, e.step, e.direction, e.attempt, now, e.status,
           -- The first is saga.started, with what is each execution's own.
           CASE WHEN e.seq = 1
               THEN e.data || jsonb_build_object('saga_id', saga_id, 'context', input)
               ELSE e.data
           END
    FROM new JOIN given USING (saga_id) CROSS JOIN LATERAL jsonb_to_recordset(given.events) AS e
        (seq bigint, type text, step text, direction text, attempt integer, status text, data jsonb)
)
SELECT saga_id, id FROM new
"""


def insert(
    new: Iterable[NewExecution], owner_id: Any, now: datetime, *, is_sure: bool = True
) -> dict[str, int]:
    """New executions of one owner, each of another saga_id, with their first events: saga_id → id.
    A saga_id that is taken is not among them, and nothing is written for it. Nor is anything
    written if `now` is not what the database's clock says, unless that was asked: `is_sure`. In the
    caller's transaction; without one, in one of its own."""
    alike: dict[int, str] = {}
    rows = [_row(entry, alike) for entry in new]
    values = {
        "rows": f"[{','.join(rows)}]",
        "owner_id": owner_id,
        "now": now,
        "is_sure": is_sure,
        "trusted": TRUSTED_FOR,
    }
    return dict(statements.run(INSERT, values))


def _row(new: NewExecution, alike: dict[int, str]) -> str:
    common = alike.get(id(new.first))
    if common is None:
        common = alike[id(new.first)] = json_text(_common(new))
    own = {"saga_id": new.saga_id, "input_digest": new.input_digest, "tags": new.tags}
    return f'{json_text(own)[:-1]},"input":{new.input},{common[1:]}'


def _common(new: NewExecution) -> dict[str, Any]:
    state, [started, *_] = new.first.state, new.first.events
    assert isinstance(started.event, SagaStarted), "that is how each begins"
    own, *others = event_rows(new.first.events)
    del own["data"]["saga_id"], own["data"]["context"]
    return {
        "saga_type": state.saga_type,
        "version": state.version,
        "definition_digest": new.definition_digest,
        "status": state.status,
        # Changed already: by an empty list of items, say.
        "context": state.context if state.context is not started.event.context else None,
        "steps": {name: step.to_json() for name, step in state.steps.items()},
        "current_steps": state.current_steps,
        "options": state.options.to_json(),
        "last_seq": state.last_seq,
        "wake_at": new.wake_at.isoformat() if new.wake_at else None,
        "waits_for_signal": waits_for_signals(state),
        "parent_id": new.parent_id,
        "parent_step": new.parent_step,
        "number": new.number,
        "root_id": new.root_id,
        "outcome": new.outcome,
        "at_rest": state.is_at_rest,
        "events": [own, *others],
    }
