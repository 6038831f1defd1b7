"""Reminders: executions of their own, started while another one waits, which wait for nobody and
hold nobody up."""

from dataclasses import replace

from django.db import transaction

from sagas import inputs
from sagas.engine import starting
from sagas.errors import BadInput, Conflict, UnknownSaga
from sagas.inputs import Wanted
from sagas.machine import (
    Decision,
    ExecutionState,
    Failure,
    FailureKind,
    Reminded,
    Saga,
    decide,
    due_reminders,
)
from sagas.machine.context import digest
from sagas.machine.waiting_steps import remind_of
from sagas.models import CHILD_ID_LENGTH
from sagas.registry import registry
from sagas.store import recovery
from sagas.store.executions import ExecutionSnapshot
from sagas.validation import lock_keys


def remind(definition: Saga, locked: ExecutionSnapshot, decision: Decision) -> Decision:
    """Starts the reminders that are due after `decision`, in the transaction that has locked the
    row; returns the decision with what is kept of them. One that can't be started is recorded with
    the reason, and that is all: the wait goes on."""
    for name in due_reminders(decision.state, locked.now):
        fact = Reminded(name, _start(definition, decision.state, name, locked))
        found = decide(definition, decision.state, fact, locked.now)
        decision = replace(decision.then(found), verdict=decision.verdict)
    return decision


def _start(
    definition: Saga, state: ExecutionState, name: str, locked: ExecutionSnapshot
) -> Failure | None:
    """Starts the next reminder of a wait. Why it could not, if it could not."""
    try:
        with transaction.atomic():  # the author's functions may have failed in the database
            of_reminder, wanted = _next(definition, state, name)
            [found] = starting.start_within(of_reminder, [wanted], locked.owner_id)
            if isinstance(found, Conflict):
                raise found
    except Exception as error:
        if recovery.is_of_session(error):
            raise
        return Failure.of(FailureKind.REJECTED, error)
    return None


def _next(definition: Saga, state: ExecutionState, name: str) -> tuple[Saga, Wanted]:
    """The definition and the start of a wait's next reminder. Raises `SagaError`."""
    remind, number = remind_of(definition.by_name.get(name)), state.step(name).reminded + 1
    if remind is None:  # it was moved to this definition
        raise UnknownSaga(f"Step {name!r} has no reminders in version {definition.version}.")
    of_reminder = registry.newest(remind.saga)
    context = {**state.context, "reminder": number}
    saga_id = f"{state.saga_id}~{name}.remind.{number}"
    if len(saga_id) > CHILD_ID_LENGTH:
        raise BadInput({"saga_id": f"{saga_id[:80]}… is too long: sagas are nested too deeply."})
    text, keys = inputs.checked_context(of_reminder, context), lock_keys(of_reminder, context)
    return of_reminder, Wanted(saga_id, context, text, digest(context), keys, None, None, ())
