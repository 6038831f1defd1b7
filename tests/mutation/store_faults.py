"""Faults in the SQL, and in what carries hints."""

from typing import Final

from tests.mutation.fault import Fault

_EXECUTIONS = "sagas/store/executions.py"
_TRANSITIONS = "sagas/store/transitions.py"
_DUE = "sagas/store/due.py"
_LOCKS = "sagas/store/locks.py"
_DELETION = "sagas/store/deletion.py"

ENGINE = ("engine/test_engine",)
RACES = ("engine/test_races",)
RECOVERY = ("engine/test_recovery",)
LOCKS = ("engine/test_locks",)
GAPS = ("engine/test_gaps",)
FULL_QUEUES = ("engine/test_full_queues",)

ROWS = (
    Fault(
        name="A row is read without its lock",
        clause="R7, S2",
        file=_EXECUTIONS,
        before='_read(LOCK, {"id": execution_id})',
        after='_read(PEEK, {"id": execution_id})',
        tests=("engine/test_operators_races",),
    ),
    Fault(
        name="A wake loop waits for a worker",
        clause="R14",
        file=_EXECUTIONS,
        before='skip="SKIP LOCKED")',
        after='skip="")',
        tests=RACES,
    ),
    Fault(
        name="The clock is read before the lock is granted",
        clause="S13",
        file=_EXECUTIONS,
        before="SELECT {_READ} FROM locked",
        after="SELECT {_READ.replace('clock_', 'statement_')} FROM locked",
        tests=RACES,
    ),
    Fault(
        name="A transition is saved over another that it did not see",
        clause="S8",
        file=_TRANSITIONS,
        before="WHERE e.last_seq = given.seen_seq\n      AND",
        after="WHERE",
        tests=GAPS,
    ),
    Fault(
        name="A transition leaves wake_at as it was",
        clause="L1",
        file=_TRANSITIONS,
        before=" wake_at = seen.wake_at,\n        waits",
        after="\n        waits",
        tests=ENGINE,
    ),
    Fault(
        name="New hints are trusted for as long as those that were often repeated",
        clause="R21, L2",
        file=_TRANSITIONS,
        before="hints_sent = 0, commands = '[]'",
        after="commands = '[]'",
        tests=GAPS,
    ),
    Fault(
        name="An order is overwritten by a report that did not see it",
        clause="R8",
        file=_TRANSITIONS,
        before=" AND e.commands = given.seen_commands",
        after="",
        tests=RACES,
    ),
    Fault(
        name="A transition waits for the row with a time that was read before",
        clause="S13",
        file=_TRANSITIONS,
        before="FOR NO KEY UPDATE OF e SKIP LOCKED",
        after="FOR NO KEY UPDATE OF e",
        tests=RACES,
    ),
    Fault(
        name="A process believes its own clock",
        clause="S13",
        file="sagas/store/clock.py",
        before="TRUSTED_FOR: Final = 1.0",
        after="TRUSTED_FOR: Final = 1e9",
        tests=RACES,
    ),
    Fault(
        name="A start is due a moment ahead of the database's clock",
        clause="S13",
        file="sagas/store/insertion.py",
        before="BETWEEN 0 AND",
        after="BETWEEN -1 AND",
        tests=("engine/test_start_clock",),
    ),
    Fault(
        name="Of two starts with one saga_id the second is an error",
        clause="S11",
        file="sagas/store/insertion.py",
        before="    ON CONFLICT (saga_id) DO NOTHING\n",
        after="",
        tests=ENGINE,
    ),
)

DUE = (
    Fault(
        name="What is due is taken in any version of a known type",
        clause="S12",
        file=_DUE,
        before="""\
    WHERE wake_at <= (SELECT clock_timestamp()) AND (saga_type, version, definition_digest) IN (
        SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[], %(digests)s::text[])
    )
    ORDER BY""",
        after="""\
    WHERE wake_at <= (SELECT clock_timestamp()) AND saga_type = ANY(%(types)s)
    ORDER BY""",
        tests=ENGINE,
    ),
    Fault(
        name="What has just become due is called stranded",
        clause="S12",
        file=_DUE,
        before="(SELECT clock_timestamp() - interval '30 seconds')",
        after="(SELECT clock_timestamp())",
        tests=RECOVERY,
    ),
    Fault(
        name="Repeated hints are not counted",
        clause="R21",
        file=_DUE,
        before="min(self.locked.hints_sent + self.counts, MOST_SENT)",
        after="min(self.locked.hints_sent, MOST_SENT)",
        tests=RECOVERY,
    ),
    Fault(
        name="What goes on still waits behind a queue",
        clause="L2",
        file=_TRANSITIONS,
        before="commands = '[]',\n        blocked_by_queue = '',",
        after="commands = '[]',",
        tests=FULL_QUEUES,
    ),
    Fault(
        name="What has ended is made due",
        clause="L1",
        file=_DUE,
        before="CASE WHEN e.wake_at > clock_timestamp() THEN clock_timestamp() ELSE e.wake_at END",
        after="clock_timestamp()",
        tests=FULL_QUEUES,
    ),
)

QUEUES = (
    Fault(
        name="Last come, first served",
        clause="Locks",
        file=_LOCKS,
        before="AND place < {own}.place ORDER BY place LIMIT",
        after="AND place > {own}.place ORDER BY place LIMIT",
        tests=LOCKS,
    ),
    Fault(
        name="A child waits for the locks of its own family",
        clause="Locks",
        file=_LOCKS,
        before="           coalesce(family.place, 9223372036854775807) AS place\n",
        after="           9223372036854775807 AS place\n",
        tests=LOCKS,
    ),
    Fault(
        name="The next in a lock's queue is not called",
        clause="L2",
        file=_LOCKS,
        before="        cursor.execute(CALL_NEXT, [keys])\n",
        after="",
        tests=LOCKS,
    ),
)

DELETIONS = (
    Fault(
        name="A family is deleted while a member is not over",
        clause="R19",
        file=_DELETION,
        before="""\
      AND NOT EXISTS (
          SELECT FROM sagas_sagaexecution WHERE root_id = one.id AND status NOT IN ({_TERMINAL})
      )
""",
        after="",
        tests=GAPS,
    ),
    Fault(
        name="What has just ended is deleted",
        clause="R19",
        file=_DELETION,
        before="clock_timestamp() - make_interval(secs => %(seconds)s)",
        after="clock_timestamp() + make_interval(secs => %(seconds)s)",
        tests=GAPS,
    ),
    Fault(
        name="Deletion waits for what somebody is at work on",
        clause="R19",
        file=_DELETION,
        before="ORDER BY finished_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
        after="ORDER BY finished_at, id LIMIT %(limit)s FOR UPDATE",
        tests=("engine/test_deletion",),
    ),
    Fault(
        name="What changed while it was archived is deleted",
        clause="R19",
        file="sagas/engine/retention.py",
        before="if family.items() <= archived.items()]",
        after="if family.keys() <= archived.keys()]",
        tests=("engine/test_archive",),
    ),
)

MESSAGES = (
    Fault(
        name="A message without a fence is an error in the worker",
        clause="R20",
        file="sagas/worker/steps.py",
        before="if not (is_bigint(execution_id) and is_bigint(fence)):",
        after="if execution_id is None:",
        tests=GAPS,
    ),
    Fault(
        name="A worker waits for a broker that is away",
        clause="L2",
        file="sagas/worker/sending.py",
        before="max_retries=max(0, len(self._connection.alt) - 1)",
        after="",
        tests=GAPS,
    ),
    Fault(
        name="The wake loop ends by an error",
        clause="L3",
        file="sagas/worker/wake_loop.py",
        before="            except Exception:\n",
        after="            except LookupError:\n",
        tests=GAPS,
    ),
)

STORE_FAULTS: Final = (*ROWS, *DUE, *QUEUES, *DELETIONS, *MESSAGES)
