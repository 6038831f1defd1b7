"""The engine: every port's one way in. It hands a fact to the machine and saves what follows.

`start` and `start_many` join their caller's transaction: a saga exists if and only if the caller
commits. Every other function opens one of its own, short, with no user code, no call and no message
inside (S9); only `run_atomic` shares its transaction with a step that asks for it. What must be
sent is handed to the listeners after the commit; whatever becomes of them, `wake_at` stands in the
row.

A step's life, as a worker drives it::

    work = claim(execution_id, step, direction, fence)     # one transaction
    result = work.run()                                    # none open
    succeed(work, result)  or  fail(work, failure)         # one transaction
"""

from sagas.engine.operating import (
    adopt,
    amend,
    cancel,
    operate,
    operate_on_many,
    pause,
    preview,
    preview_adoption,
    resolve,
    resume,
    retry,
    signal,
    skip,
)
from sagas.engine.relaying import lead_relay, leave_relay, mark_relayed, turn_to_relay
from sagas.engine.retention import Archive, prune
from sagas.engine.starting import Started, start, start_many
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
    "Started",
    "Work",
    "adopt",
    "amend",
    "cancel",
    "claim",
    "claim_together",
    "close_own_session",
    "end_session",
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
    "resolve",
    "resume",
    "retry",
    "run_atomic",
    "signal",
    "skip",
    "start",
    "start_many",
    "stranded",
    "succeed",
    "succeed_together",
    "turn_to_relay",
    "wake",
]
