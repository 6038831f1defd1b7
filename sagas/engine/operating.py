"""What people and programs may do to an execution: each one fact, one transaction, recorded with
who and why.

Each function raises `NoSuchExecution` for an unknown saga_id, `UnknownSaga` if this process lacks
its definition, and `Refused`, with the reason, for what makes no sense as things stand. To cancel,
pause, resume, skip, resolve or signal a second time is no error, and changes nothing. None of them
may be called inside a transaction: they commit what they do.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import InterfaceError, OperationalError

from sagas import inputs
from sagas.engine.transact import transact
from sagas.errors import BadInput, NoSuchExecution, Refused, SagaError, UnknownSaga
from sagas.machine import (
    Amend,
    Cancel,
    Operation,
    Pause,
    Resolve,
    Resume,
    Signal,
    Skip,
    TryAgain,
    Verdict,
    WayBack,
    way_back,
)
from sagas.machine.context import NotStorable
from sagas.machine.storable import shown
from sagas.registry import registry
from sagas.store import executions
from sagas.store.executions import Unreadable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operated:
    """What became of one operation on many executions: how many took it (or had it already), and
    saga_id → reason for those that did not."""

    done: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)


def cancel(saga_id: str, *, by: str, reason: str = "") -> None:
    """Turns the saga back: nothing more is started, what is in flight settles, what happened is
    undone. Refused from the pivot on."""
    operate(saga_id, Cancel(by=by, reason=reason))


def pause(saga_id: str, *, by: str, reason: str = "") -> None:
    """Starts nothing more, in either direction, until `resume`. What is in flight settles."""
    operate(saga_id, Pause(by=by, reason=reason))


def resume(saga_id: str, *, by: str, reason: str = "") -> None:
    """Goes on, in the direction in which it was paused."""
    operate(saga_id, Resume(by=by, reason=reason))


def retry(saga_id: str, step: str | None = None, *, by: str, reason: str = "") -> None:
    """Tries a step or a compensation that gave up again, with all its attempts; or one that is
    due later now. Without a step: all that gave up."""
    operate(saga_id, TryAgain(step=step, by=by, reason=reason))


def skip(
    saga_id: str,
    step: str,
    *,
    by: str,
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Goes on as if the step had succeeded and had returned `changes`."""
    given = {} if changes is None else changes
    operate(saga_id, Skip(step=step, by=by, reason=reason, changes=given))


def resolve(saga_id: str, step: str, *, by: str, reason: str = "") -> None:
    """Takes a compensation that gave up as done by hand, or a pivot whose outcome was unknown as
    not happened."""
    operate(saga_id, Resolve(step=step, by=by, reason=reason))


def amend(saga_id: str, changes: Mapping[str, Any], *, by: str, reason: str = "") -> None:
    """Changes keys of the context of an execution that has failed, or is paused."""
    operate(saga_id, Amend(changes=changes, by=by, reason=reason))


def operate(saga_id: str, operation: Operation) -> Verdict:
    """Any of the above, as a value. Raises `BadInput`, too, for changes that can't be kept."""
    if not operation.by:
        raise BadInput({"by": "says who does this. It can't be empty."})
    inputs.checked_text(by=operation.by, reason=operation.reason)
    if isinstance(operation, Amend | Skip):
        operation = replace(operation, changes=inputs.checked_changes(operation.changes))
    return _hand_in(saga_id, operation)


def operate_on_many(saga_ids: Iterable[str], operation: Operation) -> Operated:
    """The same for many executions, each in a transaction of its own."""
    done, refused = 0, {}
    for saga_id in saga_ids:
        try:
            operate(saga_id, operation)
            done += 1
        except SagaError as error:
            refused[saga_id] = str(error)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # its definition's own: the others go on (L3)
            logger.exception("%s failed of %s.", type(operation).__name__, saga_id)
            refused[saga_id] = f"failed: {type(error).__name__}"
    return Operated(done, refused)


def signal(saga_id: str, name: str, payload: Any = None, *, by: str = "") -> None:
    """Hands the wait `name` what it waits for; it becomes the context's key `name`. Kept if the
    wait has not begun, without effect if it came before (R13)."""
    inputs.checked_text(by=by, name=name)
    payload = inputs.checked_changes({name: payload})[name]
    _hand_in(saga_id, Signal(name, payload, by))


def preview(saga_id: str) -> WayBack:
    """What `cancel` would undo, in order. Changes nothing."""
    try:
        found = executions.peek(_id_of(saga_id))
    except Unreadable as error:
        raise Refused(str(error)) from error
    if found is None:
        raise NoSuchExecution(f"There is no saga {saga_id!r}.")
    definition = registry.get(found.state.saga_type, found.state.version)
    return way_back(definition, found.state, found.now)


def _hand_in(saga_id: str, fact: Operation | Signal) -> Verdict:
    try:
        found = transact(_id_of(saga_id), fact)
    except NotStorable as error:
        raise BadInput({"context": error.message}) from error
    except Unreadable as error:
        raise Refused(str(error)) from error
    if found is None:
        raise UnknownSaga(
            f"This process lacks the definition of {saga_id!r}. Ask one that runs its version."
        )
    if found.decision.verdict is Verdict.REFUSED:
        raise Refused(f"{saga_id}: {found.decision.reason}")
    return found.decision.verdict


def _id_of(saga_id: str) -> int:
    # PostgreSQL is not even asked for what can't be an id: it refuses a NUL character.
    is_id = inputs.is_text(saga_id) and inputs.ANY_ID.fullmatch(saga_id)
    found = executions.find(saga_id) if is_id else {}
    if not is_id or saga_id not in found:
        raise NoSuchExecution(f"There is no saga {shown(saga_id)}.")
    return found[saga_id].id
