"""R15: the code of commit 1e9e75d, and that of today, at work on the same rows.

The statements are the old code's own, `sagas/store.py` at that commit, word for word. New columns
must leave them valid; what they write must be read, and continued.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from django.db import connection, transaction

from sagas import engine
from sagas.errors import Conflict
from sagas.machine import Direction, Saga, SagaStep, Verdict
from sagas.models import SagaEvent
from sagas.moments import aware
from sagas.registry import registry
from sagas.whatif.compatibility import problems
from tests.engine.driving import ORDER, claim, pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)

INSERT: Final = """
-- Waits for a concurrent start of the same saga_id, then inserts nothing.
INSERT INTO sagas_sagaexecution
    (saga_id, saga_type, version, input_digest, status, paused, context, steps, current_steps,
     revision, last_seq, wake_at, hints_sent, owner_id, created_at, updated_at, finished_at)
VALUES (%(saga_id)s, %(saga_type)s, %(version)s, %(input_digest)s, %(status)s, false,
        %(context)s, %(steps)s, %(current_steps)s, 1, %(last_seq)s, %(wake_at)s, 0,
        %(owner_id)s, %(now)s, %(now)s, NULL)
ON CONFLICT (saga_id) DO NOTHING
RETURNING id
"""

EVENTS: Final = """
INSERT INTO sagas_sagaevent
    (execution_id, seq, type, step, direction, attempt, at, status, data)
SELECT %(id)s, e.seq, e.type, e.step, e.direction, e.attempt, %(now)s, e.status, e.data
FROM jsonb_to_recordset(%(events)s::jsonb) AS e
    (seq bigint, type text, step text, direction text, attempt integer, status text, data jsonb)
"""

SAVE: Final = f"""
-- One statement for a transition: its events, and the row that they lead to. The number of the
-- event before them is compared, though the lock is held: the database refuses a gap too (S8).
WITH written AS ({EVENTS})
UPDATE sagas_sagaexecution
SET status = %(status)s, context = %(context)s, steps = %(steps)s,
    current_steps = %(current_steps)s, revision = revision + 1, last_seq = %(last_seq)s,
    wake_at = %(wake_at)s, hints_sent = 0, updated_at = %(now)s,
    finished_at = CASE WHEN %(at_rest)s THEN coalesce(finished_at, %(now)s) END
WHERE id = %(id)s AND last_seq = %(seen_seq)s
"""

LOCK: Final = """
-- Materialized, so that the clock is read after the lock was granted.
WITH locked AS MATERIALIZED (
    SELECT id, saga_id, saga_type, version, status, paused, context, steps, last_seq,
       hints_sent, wake_at FROM sagas_sagaexecution WHERE id = %s FOR UPDATE
)
SELECT id, saga_id, saga_type, version, status, paused, context, steps, last_seq,
       hints_sent, wake_at, clock_timestamp() FROM locked
"""


@pytest.fixture
def shop(define: Any) -> Saga:
    steps = [
        SagaStep("a", lambda _: {"a": 1}, lambda _: {"a": 0}),
        SagaStep("b", lambda _: {"b": 2}),
    ]
    return define(Saga("shop", steps))


def old_start(saga_id: str) -> int | None:
    """As the old code started an execution: its first step is due. None if the id is taken."""
    now = old_now()
    due = now.isoformat()
    started: dict[str, Any] = {
        "saga_id": saga_id,
        "saga_type": "shop",
        "version": 1,
        "context": ORDER,
    }
    events = [
        event(1, "saga.started", "pending", **started),
        event(2, "step.scheduled", "pending", "a", due_at=due),
    ]
    values: dict[str, Any] = {
        "saga_id": saga_id,
        "saga_type": "shop",
        "version": 1,
        "input_digest": "of the input",
        "owner_id": None,
        "status": "pending",
        "context": json.dumps(ORDER),
        "steps": json.dumps({"a": {"status": "scheduled", "due_at": due}}),
        "current_steps": '["a"]',
        "last_seq": 2,
        "wake_at": now + timedelta(seconds=5),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values)
        made = cursor.fetchone()
        if made is not None:
            cursor.execute(EVENTS, {"id": made[0], "now": now, "events": json.dumps(events)})
    return None if made is None else int(made[0])


def old_started() -> int:
    execution_id = old_start("s")
    assert execution_id is not None
    return execution_id


def old_save(execution_id: int, step: dict[str, Any], *events: dict[str, Any]) -> None:
    """As the old code saved a transition of step a: it wrote anew what it knew, and no more."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [execution_id])
        names = [column.name for column in cursor.description]
        found = dict(zip(names, cursor.fetchone(), strict=True))
        values = {
            "id": execution_id,
            "status": events[-1]["status"],
            "context": found["context"],
            "steps": json.dumps({"a": step}),
            "current_steps": '["a"]',
            "last_seq": found["last_seq"] + len(events),
            "seen_seq": found["last_seq"],
            "wake_at": found["clock_timestamp"] + timedelta(seconds=5),
            "now": found["clock_timestamp"],
            "at_rest": False,
            "events": json.dumps(list(events)),
        }
        cursor.execute(SAVE, values)
        assert cursor.rowcount == 1


def old_claim(execution_id: int) -> None:
    lease = (old_now() + timedelta(seconds=35)).isoformat()
    claimed = {"fence": 1, "attempts": 1, "holder": "old", "lease_until": lease}
    data = {"fence": 1, "holder": "old", "lease_until": lease}
    last = row(execution_id).last_seq
    old_save(
        execution_id,
        {"status": "running", **claimed},
        event(last + 1, "saga.running", "running"),
        event(last + 2, "step.claimed", "running", "a", 1, **data),
    )


def event(
    seq: int,
    kind: str,
    status: str,
    step: str | None = None,
    attempt: int | None = None,
    **data: Any,
) -> dict[str, Any]:
    direction = "action" if step else None
    columns = {"seq": seq, "type": kind, "status": status, "step": step, "direction": direction}
    return {**columns, "attempt": attempt, "data": data}


def old_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
        return aware(found)


def check(execution_id: int) -> None:
    """S8, and S12: what was written can be read, folds to its row, and can go on."""
    found = row(execution_id)
    events = SagaEvent.objects.filter(execution_id=execution_id).order_by("seq")
    definition = registry.find(found.saga_type, found.version)
    assert problems(definition, found, old_now(), events) == []


def test_r15_what_old_code_starts_today_s_code_completes(shop: Saga) -> None:
    started = old_started()
    found = row(started)
    assert (found.definition_digest, found.options, found.commands) == ("", {}, [])
    assert (found.waits_for_signal, found.outcome, found.parent_step) == (False, "", "")
    check(started)
    for name in ("a", "b"):
        work = claim(started, name)
        engine.succeed(work, work.run())
        check(started)
    assert row(started).status == "completed"
    assert row(started).context == {**ORDER, "a": 1, "b": 2}


def test_r15_what_old_code_starts_today_s_code_wakes_and_operates_on(
    shop: Saga, committed: Any
) -> None:
    started = old_started()
    pass_time(started, minutes=1)
    assert engine.wake(10) == 1
    assert [hint.step for hint in committed[-1].hints] == ["a"]
    engine.pause("s", by="anna")
    engine.amend("s", {"order": 2}, by="anna")
    engine.cancel("s", by="anna")
    engine.resume("s", by="anna")
    assert row(started).status == "compensated"


def test_r15_what_old_code_claims_today_s_code_shuts_out_and_undoes(shop: Saga) -> None:
    """A worker of before is killed; its attempt may have happened."""
    started = old_started()
    old_claim(started)
    check(started)
    pass_time(started, minutes=10)
    assert engine.wake(10) == 1
    assert row(started).steps["a"]["effect"] == "possible"
    engine.cancel("s", by="anna")
    work = claim(started, "a", Direction.COMPENSATION)
    assert engine.succeed(work, work.run()).verdict is Verdict.ACCEPTED
    assert row(started).status == "compensated"


def test_r15_what_today_s_code_starts_old_code_claims(shop: Saga) -> None:
    """And today's takes over when that is over: the columns that the old code does not know keep
    what they hold."""
    later = old_now() + timedelta(days=1)
    started = engine.start("shop", ORDER, saga_id="s", deadline=later).execution_id
    old_claim(started)
    found = row(started)
    assert found.definition_digest == shop.digest
    assert found.options == {"deadline": later.isoformat()}
    check(started)
    pass_time(started, minutes=10)
    engine.wake(10)
    pass_time(started, minutes=10)
    for name in ("a", "b"):
        work = claim(started, name)
        engine.succeed(work, work.run())
    assert row(started).status == "completed"


def test_r15_s11_either_code_finds_a_saga_id_taken_by_the_other(shop: Saga) -> None:
    engine.start("shop", ORDER, saga_id="s")
    assert old_start("s") is None
    old_start("t")
    with pytest.raises(Conflict):
        engine.start("shop", {"order": 2}, saga_id="t")
