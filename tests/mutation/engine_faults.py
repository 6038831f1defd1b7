"""Faults in the engine: transactions, workers, starts, and what is said outside."""

from typing import Final

from tests.mutation.fault import Fault
from tests.mutation.together_faults import TOGETHER_FAULTS
from tests.mutation.worker_faults import WORKER_FAULTS

_TRANSACT = "sagas/engine/transact.py"
_SAVING = "sagas/engine/saving.py"
_STARTING = "sagas/engine/starting.py"
_FAMILY = "sagas/engine/family.py"

ENGINE = ("engine/test_engine",)
RACES = ("engine/test_races",)
RECOVERY = ("engine/test_recovery",)
LOCKS = ("engine/test_locks",)
GAPS = ("engine/test_gaps",)
FULL_QUEUES = ("engine/test_full_queues",)

TRANSACTIONS = (
    Fault(
        name="Hints are told before the commit",
        clause="S9",
        file="sagas/listeners.py",
        before="transaction.on_commit(lambda: tell(committed))",
        after="tell(committed)",
        tests=ENGINE,
    ),
    Fault(
        name="What fails to be told fails the caller",
        clause="S9, R3",
        file="sagas/listeners.py",
        before="        except Exception:\n            logger.exception(\n",
        after="        except LookupError:\n            logger.exception(\n",
        tests=RECOVERY,
    ),
    Fault(
        name="A report joins whatever transaction its caller has open",
        clause="S1, S9",
        file=_TRANSACT,
        before="sessions.in_place_of_djangos(), transaction.atomic(durable=True):",
        after="sessions.in_place_of_djangos(), transaction.atomic():",
        tests=ENGINE,
    ),
    Fault(
        name="A lost COMMIT is taken for a failed one, and nothing is decided anew",
        clause="R6",
        file="sagas/store/recovery.py",
        before="                if pause is None or (is_changed and was_changed):\n"
        "                    raise\n",
        after="                return None  # type: ignore[return-value]\n",
        tests=RACES,
    ),
    Fault(
        name="A spoilt connection is used again",
        clause="S1",
        file="sagas/store/recovery.py",
        before="            leave_unsound()\n            try:\n                return call",
        after="            try:\n                return call",
        tests=RECOVERY,
    ),
    Fault(
        name="A context is stored that has grown too large",
        clause="R17",
        file=_TRANSACT,
        before="        fitting_json(family.with_collected(after))",
        after="        fitting_json(getattr(fact, 'changes', {}))",
        tests=ENGINE,
    ),
    Fault(
        name="An execution of an unknown version is run by the newest",
        clause="S12",
        file="sagas/engine/fitting.py",
        before="found = registry.fitting(state.saga_type, state.version, row.digest)",
        after="found = registry.newest(state.saga_type)",
        tests=ENGINE,
    ),
    Fault(
        name="A wake loop does not ask whether another has been there",
        clause="R14",
        file=_TRANSACT,
        before="if locked is None or (only_if_due and not locked.is_due):",
        after="if locked is None:",
        tests=GAPS,
    ),
    Fault(
        name="A busy branch puts off the lost hint of another",
        clause="L2, R2",
        file=_SAVING,
        before="        moment = row.wake_at if is_kept else moment\n",
        after="        assert moment is not None or is_kept\n",
        tests=RECOVERY,
    ),
    Fault(
        name="The wait for a lost hint never grows",
        clause="R21",
        file=_TRANSACT,
        before="promised, locked.hints_sent, woken.full)",
        after="promised, 0, woken.full)",
        tests=RECOVERY,
    ),
    Fault(
        name="A row that can't be handled stays at the head of the queue",
        clause="L2",
        file="sagas/engine/waking.py",
        before="            due.postpone(execution_id, POISON_PAUSE)\n",
        after="",
        tests=RECOVERY,
    ),
    Fault(
        name="Who waits behind a full queue is not told of once that is free",
        clause="L2",
        file="sagas/engine/waking.py",
        before="            due.release(queue, limit)\n",
        after="            due.waited_for()\n",
        tests=FULL_QUEUES,
    ),
    Fault(
        name="Who waits behind a queue is told of again while it is busy",
        clause="R21",
        file="sagas/engine/waking.py",
        before="for queue in waited_for & ask(waited_for).free:",
        after="for queue in waited_for:",
        tests=FULL_QUEUES,
    ),
)

STARTS = (
    Fault(
        name="A repeated start with another input is taken for the same",
        clause="S11",
        file=_STARTING,
        before="there = (found.saga_type, found.input_digest, found.owner_id)",
        after="there = (found.saga_type, wanted.digest, found.owner_id)",
        tests=ENGINE,
    ),
    Fault(
        name="A repeated start is refused by the lock that it holds itself",
        clause="S11",
        file=_STARTING,
        before="        find()  # a repeated start must",
        after="        pass  # a repeated start must",
        tests=LOCKS,
    ),
    Fault(
        name="A start takes no place in the queues of its locks",
        clause="Locks",
        file=_STARTING,
        before="""\
        if each.keys and not family.gives_locks_back(first.state):
            locks.join(execution_id, each.keys, execution_id)
""",
        after="",
        tests=LOCKS,
    ),
    Fault(
        name="Of many starts those before a refused one stay",
        clause="S11",
        file=_STARTING,
        before="    with transaction.atomic():\n        found = start_within(",
        after="    with nullcontext():\n        found = start_within(",
        tests=("engine/test_start_many",),
    ),
    Fault(
        name="A start does not guard the queues that it looks at",
        clause="Locks",
        file=_FAMILY,
        before="    locks.guard(limits)\n",
        after="",
        tests=LOCKS,
    ),
    Fault(
        name="Locks are kept by a saga that was compensated",
        clause="Locks",
        file=_FAMILY,
        before="and (state.status in TERMINAL or has_given_up)",
        after='and (state.status == "completed" or has_given_up)',
        tests=LOCKS,
    ),
    Fault(
        name="A saga that failed gives its locks away",
        clause="Locks",
        file=_FAMILY,
        before="and (state.status in TERMINAL or has_given_up)",
        after="and (state.is_at_rest or has_given_up)",
        tests=GAPS,
    ),
    Fault(
        name="Nobody looks for cycles of locks",
        clause="L2",
        file=_FAMILY,
        before="    if not is_waited_for or not locks.may_wait_for_itself(locked.family_id):\n",
        after="    if standing:\n",
        tests=LOCKS,
    ),
)

ENGINE_FAULTS: Final = (*TRANSACTIONS, *WORKER_FAULTS, *TOGETHER_FAULTS, *STARTS)
