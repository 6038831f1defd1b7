"""The engine: the only entry point for every port. It passes a fact to the machine and saves what
follows.

`start` and `start_many` join their caller's transaction: a saga exists if and only if the caller
commits. Every other function opens its own short transaction, with no user code, no call and no
message inside (S9). Only `run_atomic` shares its transaction with a step that asks for it. The
listeners send hints and pushes after the commit. If that fails, `wake_at` in the row brings the
saga back.

A step's life, as a worker drives it::

    work = claim(execution_id, step, direction, fence)     # one transaction
    result = work.run()                                    # none open
    succeed(work, result)  or  fail(work, failure)         # one transaction
"""

from sagas.engine.event_loop import SoftLimit, ask_event_loop, event_loop_has_answered
from sagas.engine.event_loop import close_all as close_event_loops
from sagas.engine.operating import (
    adopt,
    amend,
    cancel,
    operate,
    operate_on_many,
    pause,
    preview,
    preview_adoption,
    reschedule,
    resolve,
    resume,
    retry,
    skip,
)
from sagas.engine.relaying import lead_relay, leave_relay, mark_relayed, turn_to_relay
from sagas.engine.retention import Archive, prune
from sagas.engine.signalling import signal, signal_with_start
from sagas.engine.starting import Started, start, start_many
from sagas.engine.tasks import renew_tasks
from sagas.engine.transact import MayClaimInline
from sagas.engine.waking import Queues, stranded, wake
from sagas.engine.work import Row, Work
from sagas.engine.working import (
    ReportResult,
    claim,
    claim_together,
    fail,
    look_ahead,
    lost,
    run_atomic,
    succeed,
    succeed_together,
)
from sagas.inputs import NewSaga
from sagas.store.sessions import close_own as close_own_session
from sagas.store.sessions import end_here as end_session
from sagas.store.sessions import with_own as own_session
from sagas.whatif.adoption import Adoption

__all__ = [
    "Adoption",
    "Archive",
    "MayClaimInline",
    "NewSaga",
    "Queues",
    "ReportResult",
    "Row",
    "SoftLimit",
    "Started",
    "Work",
    "adopt",
    "amend",
    "ask_event_loop",
    "cancel",
    "claim",
    "claim_together",
    "close_event_loops",
    "close_own_session",
    "end_session",
    "event_loop_has_answered",
    "fail",
    "lead_relay",
    "leave_relay",
    "look_ahead",
    "lost",
    "mark_relayed",
    "operate",
    "operate_on_many",
    "own_session",
    "pause",
    "preview",
    "preview_adoption",
    "prune",
    "renew_tasks",
    "reschedule",
    "resolve",
    "resume",
    "retry",
    "run_atomic",
    "signal",
    "signal_with_start",
    "skip",
    "start",
    "start_many",
    "stranded",
    "succeed",
    "succeed_together",
    "turn_to_relay",
    "wake",
]
