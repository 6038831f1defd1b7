"""Every read, for HTTP, sockets, admin and commands alike."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from sagas.errors import NoSuchExecution
from sagas.inputs import ANY_ID
from sagas.machine import TERMINAL, StepState, event_json
from sagas.machine import events as ev
from sagas.models import SagaEvent, SagaExecution
from sagas.registry import registry

Asker = AbstractBaseUser | AnonymousUser

EVENTS_PAGE = 500
"""Events to a page. A page of ordinary ones is about 100 KB; a saga of five steps has 20."""


def visible_to(user: Asker) -> QuerySet[SagaExecution]:
    """The executions that `user` may see: their own, and all of them for staff."""
    if getattr(user, "is_staff", False):
        return SagaExecution.objects.all()
    return SagaExecution.objects.filter(owner_id=user.pk, owner__isnull=False)


def execution(saga_id: str, user: Asker) -> SagaExecution:
    """The execution, if `user` may see it. Raises `NoSuchExecution`: whoever may not see it does
    not learn that it is there."""
    # PostgreSQL is not even asked for what can't be an id: it refuses a NUL character.
    is_id = ANY_ID.fullmatch(saga_id) is not None
    found = visible_to(user).filter(saga_id=saga_id).first() if is_id else None
    if found is None:
        raise NoSuchExecution(f"There is no saga {saga_id!r} that you may see.")
    return found


def describe(found: SagaExecution) -> dict[str, Any]:
    """An execution as the outside sees it: JSON values, with every step of its definition."""
    return {
        "saga_id": found.saga_id,
        "saga_type": found.saga_type,
        "version": found.version,
        "status": found.status,
        "paused": found.paused,
        "context": found.context,
        "error": _error(found),
        "steps": [
            _describe_step(name, StepState.from_json(found.steps[name]))
            if name in found.steps
            else _describe_step(name, StepState())
            for name in _step_names(found)
        ],
        "last_seq": found.last_seq,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "finished_at": found.finished_at,
    }


def events_after(execution_id: int, after: int, limit: int = EVENTS_PAGE) -> Sequence[SagaEvent]:
    """The events with a number above `after`, in order, `limit` at most."""
    return list(
        SagaEvent.objects.filter(execution_id=execution_id, seq__gt=after).order_by("seq")[:limit]
    )


def describe_event(event: SagaEvent) -> dict[str, Any]:
    """An event as the outside sees it; `status` is the execution's after it."""
    return {
        "seq": event.seq,
        "type": event.type,
        "step": event.step,
        "direction": event.direction,
        "attempt": event.attempt,
        "status": event.status,
        "at": event.at.isoformat(),
        "data": event.data,
    }


def is_terminal(status: str) -> bool:
    """Whether nothing can follow any more."""
    return status in TERMINAL


def is_all(execution_id: int, after: int) -> bool:
    """Whether no event above `after` will come any more: it was the last, or all is gone."""
    found = SagaExecution.objects.filter(pk=execution_id).values_list("status", "last_seq").first()
    return found is None or (is_terminal(found[0]) and found[1] <= after)


def history(execution_id: int) -> list[ev.Event]:
    """Every event of an execution, as the machine's own values: what `fold` takes."""
    rows = SagaEvent.objects.filter(execution_id=execution_id).order_by("seq")
    return [_as_machine_event(row) for row in rows]


def _as_machine_event(row: SagaEvent) -> ev.Event:
    columns = {"step": row.step, "direction": row.direction, "attempt": row.attempt}
    present = {name: value for name, value in columns.items() if value is not None}
    return event_json.from_json(row.type, {**row.data, **present})


def _step_names(found: SagaExecution) -> list[str]:
    definition = registry.find(found.saga_type, found.version)
    return list(definition.by_name) if definition is not None else sorted(found.steps)


def _describe_step(name: str, step: StepState) -> dict[str, Any]:
    return {
        "name": name,
        "status": step.status.value,
        "effect": step.effect.value,
        "attempts": step.attempts,
        "compensation_attempts": step.compensation_attempts,
        "due_at": step.due_at,
        "error": step.failure.to_json() if step.failure else None,
    }


def _error(found: SagaExecution) -> dict[str, Any] | None:
    """Why it turned back or stopped: the newest event that says so."""
    event = (
        SagaEvent.objects.filter(
            execution_id=found.pk, type__in=("saga.compensating", "saga.failed")
        )
        .order_by("-seq")
        .first()
    )
    return {"event": event.type, **event.data} if event is not None else None
