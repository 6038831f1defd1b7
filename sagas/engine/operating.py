"""What people and programs may do to an execution. Each operation is one fact and one transaction,
and is recorded with who and why.

Each function raises `NoSuchExecution` for an unknown saga_id, `UnknownSaga` if this process lacks
its definition, and `OperationRefused`, with the reason, if it makes no sense in the current state.
Cancelling, pausing, resuming, skipping or resolving a second time is not an error, and changes
nothing. None of these functions may be called inside a transaction: they commit their work.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError

from sagas import inputs
from sagas.engine import adopting
from sagas.engine.fitting import fitting
from sagas.engine.saving import Transition
from sagas.engine.transact import transact
from sagas.errors import BadInput, NoSuchExecution, OperationRefused, SagaError, UnknownSaga
from sagas.machine import (
    Adopt,
    Amend,
    Cancel,
    Operation,
    Pause,
    Reschedule,
    Resolve,
    Resume,
    Signal,
    Skip,
    TryAgain,
    Verdict,
    Woken,
)
from sagas.machine.context import NotStorable
from sagas.machine.parameters import shown
from sagas.registry import registry
from sagas.store import executions, recovery
from sagas.store.executions import ExecutionSnapshot, UnreadableRow
from sagas.whatif import WayBack, way_back
from sagas.whatif.adoption import Adoption

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The result of one operation on many executions: how many accepted it (or had it already),
    and saga_id → reason for those that did not."""

    done: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)


def cancel(saga_id: str, *, by: str, reason: str = "") -> None:
    """Turns the saga back: nothing more is started, steps in flight settle, and whatever happened
    is undone. Refused from the pivot on."""
    operate(saga_id, Cancel(by=by, reason=reason))


def pause(saga_id: str, *, by: str, reason: str = "") -> None:
    """Starts nothing more, in either direction, until `resume`. Steps in flight settle."""
    operate(saga_id, Pause(by=by, reason=reason))


def resume(saga_id: str, *, by: str, reason: str = "") -> None:
    """Goes on, in the direction in which the saga was paused."""
    operate(saga_id, Resume(by=by, reason=reason))


def retry(saga_id: str, step: str | None = None, *, by: str, reason: str = "") -> None:
    """Gives a step or a compensation that gave up all its attempts again; or tries a step that is
    due later now, or ends a sleep. Without a step, it applies to all that gave up."""
    operate(saga_id, TryAgain(step=step, by=by, reason=reason))


def reschedule(saga_id: str, step: str, moment: datetime, *, by: str, reason: str = "") -> None:
    """Moves what a step waits for: the end of a sleep, the timeout of a wait, or its next attempt.
    A `moment` that has passed means now. Raises `BadInput` for one without a time zone."""
    operate(saga_id, Reschedule(step=step, moment=moment, by=by, reason=reason))


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
    """Records that a compensation that gave up was done by hand, or that a pivot whose outcome was
    unknown did not happen."""
    operate(saga_id, Resolve(step=step, by=by, reason=reason))


def amend(saga_id: str, changes: Mapping[str, Any], *, by: str, reason: str = "") -> None:
    """Changes keys of the context of an execution that has failed, or is paused."""
    operate(saga_id, Amend(changes=changes, by=by, reason=reason))


def adopt(
    saga_id: str,
    version: int | None = None,
    *,
    by: str,
    reason: str = "",
    leave: Iterable[str] = (),
) -> None:
    """Moves an execution to another definition of its type: to `version`, or to the current
    definition of its own version (S12), together with its items, if it has a `ForEach`, and its
    rounds, if it has a `Repeat`. Call `preview_adoption` first.

    `leave` names steps that were done and need not be undone if the saga turns back. Without it, a
    step that would lose its compensation is a reason to refuse.
    """
    operate(saga_id, Adopt(version=version, leave=tuple(leave), by=by, reason=reason))


def operate(saga_id: str, operation: Operation | Adopt) -> Verdict:
    """Any of the above, as a value. Also raises `BadInput` for changes that can't be stored."""
    if not operation.by:
        raise BadInput({"by": "says who does this. It can't be empty."})
    inputs.checked_text(by=operation.by, reason=operation.reason)
    if isinstance(operation, Amend | Skip):
        operation = replace(operation, changes=inputs.checked_changes(operation.changes))
    if isinstance(operation, Reschedule):
        checked = inputs.checked_moment("moment", operation.moment)
        operation = replace(operation, moment=checked or operation.moment)
    if isinstance(operation, Adopt):
        return _adopt(saga_id, operation)
    return hand_in(saga_id, operation).decision.verdict


def operate_on_many(saga_ids: Iterable[str], operation: Operation | Adopt) -> OperationResult:
    """The same for many executions, each in its own transaction."""
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
            logger.exception("%s failed for %s.", type(operation).__name__, saga_id)
            refused[saga_id] = f"failed: {type(error).__name__}"
    return OperationResult(done, refused)


@recovery.repeated
def preview(saga_id: str) -> WayBack:
    """What `cancel` would undo, in order. Changes nothing."""
    try:
        found = executions.peek(_id_of(saga_id))
    except UnreadableRow as error:
        raise OperationRefused(str(error)) from error
    if found is None:
        raise NoSuchExecution(f"There is no saga {saga_id!r}.")
    definition = fitting(found)
    if definition is None:
        raise _unfit(found)
    return way_back(definition, found.state, found.now)


@recovery.repeated
def preview_adoption(
    saga_id: str, version: int | None = None, *, leave: Iterable[str] = ()
) -> Adoption:
    """What `adopt` would do to each step, and why it would be refused. Changes nothing."""
    fact = Adopt(version=version, leave=tuple(leave), by="", reason="")
    return adopting.planned(_id_of(saga_id), fact)


def _adopt(saga_id: str, fact: Adopt) -> Verdict:
    """Its items follow one by one; should they not get to an end, the same again goes on."""
    found = hand_in(saga_id, fact)
    if found.decision.verdict is Verdict.ACCEPTED:
        transact(found.row.id, Woken())  # it goes on at once
    refused: dict[str, str] = {}
    for saga_ids, same in adopting.items_left(found, fact):
        refused |= operate_on_many(saga_ids, same).refused
    if refused:
        [first, *_] = refused.values()
        raise OperationRefused(
            f"{saga_id}: it was moved to its new definition, but {len(refused)} of its items could "
            "not be moved. "
            f"{first}"
        )
    return found.decision.verdict


@recovery.repeated
def hand_in(saga_id: str, fact: Operation | Adopt | Signal) -> Transition:
    """What became of the fact, in a transaction of its own."""
    execution_id = _id_of(saga_id)
    return accepted(saga_id, execution_id, lambda: transact(execution_id, fact))


def accepted(
    saga_id: str, execution_id: int, transacted: Callable[[], Transition | None]
) -> Transition:
    """What became of a fact. Raises what the functions above do, if it was not accepted."""
    try:
        found = transacted()
    except NotStorable as error:
        raise BadInput({"context": error.message}) from error
    except UnreadableRow as error:
        raise OperationRefused(str(error)) from error
    if found is None:
        row = executions.peek(execution_id)
        raise NoSuchExecution(f"There is no saga {saga_id!r}.") if row is None else _unfit(row)
    if found.decision.verdict is Verdict.REFUSED:
        raise OperationRefused(f"{saga_id}: {found.decision.reason}")
    return found


def _unfit(row: ExecutionSnapshot) -> UnknownSaga:
    state = row.state
    why = registry.why_unfit(state.saga_id, state.saga_type, state.version, row.digest)
    return UnknownSaga(why or f"{state.saga_id}: ask again.")


def _id_of(saga_id: str) -> int:
    # PostgreSQL is not even asked for what can't be an id: it refuses a NUL character.
    is_id = inputs.is_text(saga_id) and inputs.ANY_ID.fullmatch(saga_id)
    found = executions.find(saga_id) if is_id else {}
    if not is_id or saga_id not in found:
        raise NoSuchExecution(f"There is no saga {shown(saga_id)}.")
    return found[saga_id].id
