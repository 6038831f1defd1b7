"""How far the events of each execution are on the bus, and who puts them there."""

from collections.abc import Mapping

from django.db import connection

LEAD = "SELECT pg_try_advisory_lock(%s)"

LEAD_NOW = "SELECT pg_try_advisory_xact_lock(%s)"

LIMIT_SILENCE = "SELECT set_config('idle_session_timeout', %s, false)"

MARK = """
-- Past every row that the engine is at work on: neither waits for the other. FOR NO KEY UPDATE is
-- what the UPDATE needs, and leaves new children and events, which refer to the row, alone.
-- Nobody waits for the disk (`unsynced`, for this transaction alone): a mark that PostgreSQL loses
-- in a crash has its events published once more, with the same ids.
WITH free AS (
    SELECT e.id, v.seq
    FROM sagas_sagaexecution AS e JOIN unnest(%(ids)s::bigint[], %(seqs)s::bigint[]) AS v (id, seq)
    USING (id) ORDER BY e.id FOR NO KEY UPDATE OF e SKIP LOCKED
), unsynced AS (
    SELECT set_config('synchronous_commit', 'off', true) AS how
)
UPDATE sagas_sagaexecution AS e SET relayed_seq = greatest(e.relayed_seq, free.seq)
FROM free, unsynced WHERE e.id = free.id AND unsynced.how = 'off'
RETURNING e.id
"""


def try_to_lead(key: int, silence: float) -> bool:
    """Whether this session has the advisory lock `key` now; it is asked once for each session.

    Whoever leads and says nothing for `silence` seconds loses the session, and so the lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(LEAD, [key])
        leads: bool = cursor.fetchone()[0]
        if leads:
            cursor.execute(LIMIT_SILENCE, [f"{silence:.0f}s"])
        return leads


def try_to_lead_now(key: int) -> bool:
    """Whether this transaction has the advisory lock `key`, to its end."""
    with connection.cursor() as cursor:
        cursor.execute(LEAD_NOW, [key])
        return bool(cursor.fetchone()[0])


def mark_relayed(seqs: Mapping[int, int]) -> set[int]:
    """Notes execution → number of its newest event on the bus; those whose row nobody held."""
    with connection.cursor() as cursor:
        cursor.execute(MARK, {"ids": list(seqs), "seqs": list(seqs.values())})
        return {row[0] for row in cursor.fetchall()}
