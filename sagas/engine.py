"""The engine: every port's one way in. It hands a fact to the machine and saves what follows.

`start` joins its caller's transaction: the saga exists if and only if the caller commits. Every
other function opens one of its own, short, with no user code, no call and no message inside (S9).
What must be sent is handed to the listeners after the commit; whatever becomes of them, `wake_at`
stands in the row.

A step's life, as a worker drives it::

    work = claim(execution_id, step, direction, fence)     # one transaction
    result = work.run()                                    # none open
    succeed(work, result)  or  fail(work, failure)         # one transaction
"""

import logging
import time
import uuid
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import InterfaceError, OperationalError, connection, transaction

from sagas import inputs, store
from sagas.errors import Conflict
from sagas.listeners import Committed, tell
from sagas.machine import (
    Claim,
    Decision,
    Direction,
    ExecutionStatus,
    Fact,
    Failed,
    Failure,
    FailureKind,
    Report,
    Saga,
    Succeeded,
    Verdict,
    Woken,
    decide,
    hints,
    wake_at,
)
from sagas.machine import start as begin
from sagas.machine.context import (
    NotStorable,
    changes,
    given_to,
    idempotency_key,
    storable_json,
)
from sagas.machine.definition import Action
from sagas.machine.events import SagaStarted
from sagas.registry import registry

logger = logging.getLogger(__name__)

RECONNECTS: Final = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each new try after a lost connection. Together about as long as PostgreSQL takes
to restart; a report that is later than its lease would be shut out anyway."""

POISON_PAUSE: Final = 60.0
"""Seconds before an execution that could not be handled at all is looked at again. Without it, a
few of them at the head of the queue would take the whole batch of each wake-up."""


@dataclass(frozen=True, slots=True)
class Started:
    """`created` is False if the same start was made before."""

    execution_id: int
    saga_id: str
    status: ExecutionStatus
    created: bool


@dataclass(frozen=True, slots=True)
class Work:
    """A claim that was won: what to run, and what to run it with."""

    execution_id: int
    saga_id: str
    step: str
    direction: Direction
    attempt: int
    fence: int
    action: Action
    context: Mapping[str, Any]

    def run(self) -> object:
        """Calls the action with a copy of the context, so that what it changes in place can be
        told from what it was given (S10). Returns and raises what the action does."""
        return self.action(deepcopy(self.context))


def start(
    saga_type: str,
    context: Mapping[str, Any],
    *,
    saga_id: str | None = None,
    version: int | None = None,
    owner_id: int | None = None,
) -> Started:
    """A new execution, inside the caller's own transaction if there is one.

    The same `saga_id` with the same type, input and owner gives the execution that there is
    (S11). Without one an id is made. `version` defaults to the newest that is known.

    Raises `UnknownSaga`, `BadInput` (with the fields), and `Conflict` if the saga_id is taken.
    """
    definition = registry.newest(saga_type) if version is None else registry.get(saga_type, version)
    if saga_id is None:
        saga_id = str(uuid.uuid4())
    digest = inputs.checked(definition, saga_id, context)
    now = store.now()
    decision = begin(
        definition, SagaStarted(saga_id, saga_type, definition.version, dict(context)), now
    )
    with transaction.atomic():
        execution_id = store.insert(
            decision,
            input_digest=digest,
            owner_id=owner_id,
            wake_at=wake_at(decision.state, now, 0),
            now=now,
        )
        if execution_id is None:
            return _started_before(saga_type, saga_id, digest, owner_id)
        _announce(execution_id, definition, decision)
    return Started(execution_id, saga_id, decision.state.status, created=True)


def claim(execution_id: int, step: str, direction: Direction, fence: int) -> Work | None:
    """The work of a step that is due, or None: not due, somebody else's, done, or unknown.

    The claim is committed before this returns (S1). A worker without the execution's definition
    leaves it alone (S12).
    """
    fact = Claim(step, direction, fence, holder=uuid.uuid4().hex)
    found = _transact(execution_id, fact)
    if found is None:
        return None
    definition, decision = found
    if decision.verdict is Verdict.REFUSED:
        return None
    state, mine = decision.state, decision.state.step(step)
    action = definition.by_name[step].callable_for(direction)
    assert action is not None, "a step without a compensation is never scheduled for one"
    assert mine.lease_until is not None, "a claimed step has a lease"
    attempt = mine.attempts_of(direction)
    # The attempt's own end, not the lease's: what is between them is for ending and reporting.
    deadline = mine.lease_until - definition.by_name[step].lease
    deadline += definition.by_name[step].soft_limit
    key = idempotency_key(state.saga_id, step, direction)
    given = given_to(
        state.context, saga_id=state.saga_id, key=key, attempt=attempt, deadline=deadline
    )
    return Work(execution_id, state.saga_id, step, direction, attempt, mine.fence, action, given)


def succeed(work: Work, returned: object) -> Verdict:
    """Reports what `work.run()` returned.

    A result that can't be stored is a failed attempt whose effect is possible (R17).
    """
    try:
        changed = changes(work.context, returned)
        return _report(work, Succeeded(work.step, work.direction, work.fence, changed))
    except NotStorable as error:
        return fail(work, Failure.of(FailureKind.UNKNOWN, error))


def fail(work: Work, failure: Failure) -> Verdict:
    """Reports a failed attempt."""
    return _report(work, Failed(work.step, work.direction, work.fence, failure))


def wake(limit: int) -> int:
    """Looks at no more than `limit` executions whose wake_at has come; how many there were.

    Any number of processes may do this at once: each row goes to one of them (R14).
    """
    execution_ids = store.due(_known(), limit)
    for execution_id in execution_ids:
        try:
            _transact(execution_id, Woken())
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception(
                "Execution %s could not be woken; it is tried again in %s seconds.",
                execution_id,
                POISON_PAUSE,
            )
            store.postpone(execution_id, POISON_PAUSE)
    return len(execution_ids)


def stranded() -> list[tuple[str, int, int]]:
    """(type, version, how many) of what is due, and unknown to this process."""
    return store.stranded(_known())


def _known() -> list[tuple[str, int]]:
    return [(saga.saga_type, saga.version) for saga in registry]


def _started_before(saga_type: str, saga_id: str, digest: str, owner_id: int | None) -> Started:
    found = store.find(saga_id)
    if found is None:
        raise Conflict(f"saga_id {saga_id!r} was deleted while it was started again: try anew.")
    if (found.saga_type, found.input_digest, found.owner_id) != (saga_type, digest, owner_id):
        raise Conflict(
            f"saga_id {saga_id!r} is taken by an execution of another type, input or owner. "
            f"Choose another id, or send the same request again."
        )
    return Started(found.id, saga_id, ExecutionStatus(found.status), created=False)


def _report(work: Work, fact: Report) -> Verdict:
    found = _transact(work.execution_id, fact)
    if found is None:
        logger.error(
            "Step %s of %s ended, but its execution or definition is gone.",
            work.step,
            work.saga_id,
        )
        return Verdict.REFUSED
    return found[1].verdict


def _transact(execution_id: int, fact: Fact) -> tuple[Saga, Decision] | None:
    """Decides and saves `fact`; None if nothing has that id, or is free, or its definition is
    not known here.

    After a lost connection the row is read again and the fact decided anew: if the lost COMMIT
    went through after all, the machine knows the fact and changes nothing (R6). Only a late
    report, which has no effect in any case, may then be recorded twice.
    """
    for pause in (*RECONNECTS, None):
        store.drop_broken_connection()
        try:
            with transaction.atomic(durable=True):
                return _decide_and_save(execution_id, fact)
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if pause is None:
                raise
            logger.warning("The database did not take it (%s); again in %s s.", error, pause)
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _decide_and_save(execution_id: int, fact: Fact) -> tuple[Saga, Decision] | None:
    is_wake_up = isinstance(fact, Woken)
    locked = store.lock_if_free(execution_id) if is_wake_up else store.lock(execution_id)
    if locked is None or (is_wake_up and not locked.is_due):
        return None
    state = locked.state
    definition = registry.find(state.saga_type, state.version)
    if definition is None:
        logger.warning(
            "%s is a %s in version %s, which this process does not know: left for one that does.",
            state.saga_id,
            state.saga_type,
            state.version,
        )
        return None
    decision = decide(definition, state, fact, locked.now)
    if isinstance(fact, Succeeded):
        storable_json(decision.state.context)  # what it adds may be too much for what is there
    if decision.events:
        store.save(locked, decision, _next_wake(locked, decision))
    elif is_wake_up:
        store.repeat_hints(locked, wake_at(state, locked.now, locked.hints_sent))
    if decision.events or decision.hints:
        _announce(locked.id, definition, decision)
    return definition, decision


def _next_wake(locked: store.Locked, decision: Decision) -> datetime | None:
    """When to look again. A step that is due and was not told of by this decision keeps the
    earlier promise: or a busy branch would put its lost hint off for as long as it is busy."""
    moment = wake_at(decision.state, locked.now, 0)
    untold = set(hints(decision.state, locked.now)) - set(decision.hints)
    if untold and moment is not None and locked.wake_at is not None:
        return min(moment, locked.wake_at)
    return moment


def _announce(execution_id: int, definition: Saga, decision: Decision) -> None:
    """Tells the listeners, once this transaction is committed."""
    state = decision.state
    committed = Committed(execution_id, state.saga_id, definition, state.last_seq, decision.hints)
    transaction.on_commit(lambda: tell(committed))
