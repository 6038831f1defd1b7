"""Executions, steps and events as the outside sees them: JSON values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Subquery

from sagas.machine import TERMINAL, ExecutionStatus, Saga, StepState, StepStatus, Terms
from sagas.models import SagaEvent, SagaExecution, SagaLock
from sagas.moments import aware
from sagas.registry import registry


def summary(found: SagaExecution) -> dict[str, Any]:
    """An execution in a list. Asks the database nothing, if its parent was read with it."""
    terms = Terms.from_json(found.terms)
    return {
        "saga_id": found.saga_id,
        "saga_type": found.saga_type,
        "version": found.version,
        "status": found.status,
        "tags": found.tags,
        "paused": found.paused,
        "current_steps": found.current_steps,
        "gave_up": _gave_up(found.status, _states(found)),
        "parent": {"saga_id": found.parent.saga_id, "step": found.parent_step}
        if found.parent
        else None,
        "start_at": terms.start_at,
        "deadline": terms.deadline,
        "blocked": terms.blocked,
        "created_at": aware(found.created_at),
        "updated_at": aware(found.updated_at),
        "finished_at": None if found.finished_at is None else aware(found.finished_at),
    }


def describe(found: SagaExecution) -> dict[str, Any]:
    """All of an execution, with every step of its definition."""
    states = _states(found)
    definition = registry.find(found.saga_type, found.version)
    names = list(definition.by_name) if definition is not None else sorted(states)
    overview = summary(found)
    return {
        **overview,
        "waits_for_locks": _locks_of_others(found) if overview["blocked"] else [],
        "context": found.context,
        "error": _error(found),
        "steps": [
            _describe_step(name, states.get(name, StepState()), _kind(definition, name))
            for name in names
        ],
        "last_seq": found.last_seq,
    }


def describe_event(event: SagaEvent) -> dict[str, Any]:
    """An event; `status` is the execution's after it."""
    return {
        "seq": event.seq,
        "type": event.type,
        "step": event.step,
        "direction": event.direction,
        "attempt": event.attempt,
        "status": event.status,
        "at": aware(event.at).isoformat(),
        "data": event.data,
    }


def what_is_left(found: SagaExecution) -> str:
    """What keeps an execution from its end, in words; empty if nothing does."""
    if found.status in TERMINAL:
        return ""
    states, terms = _states(found), Terms.from_json(found.terms)
    if gave_up := _gave_up(found.status, states):
        return f"gave up: {', '.join(gave_up)}"
    if terms.blocked:
        return "waits for a lock"
    if found.current_steps:
        return ", ".join(f"{name} {_in_words(states[name])}" for name in found.current_steps)
    if terms.held and found.status == ExecutionStatus.COMPENSATING:
        return "waits for its parent to turn back"
    if terms.start_at is not None and found.status == ExecutionStatus.PENDING:
        return f"starts at {terms.start_at:%Y-%m-%d %H:%M:%S %Z}"
    return "waits to be resumed" if found.paused else ""


def _states(found: SagaExecution) -> dict[str, StepState]:
    return {name: StepState.from_json(data) for name, data in found.steps.items()}


def _gave_up(status: str, states: Mapping[str, StepState]) -> list[str]:
    """The steps that a person has to settle. A saga that turned back has failed actions, too;
    those are not what it stands still by."""

    def having(wanted: StepStatus) -> list[str]:
        return [name for name, step in states.items() if step.status is wanted]

    if status in TERMINAL:
        return []
    stuck = having(StepStatus.COMPENSATION_FAILED)
    if stuck or status == ExecutionStatus.COMPENSATING:
        return stuck
    return having(StepStatus.FAILED)


def _in_words(step: StepState) -> str:
    words = step.status.value.replace("_", " ")
    if step.children is not None:
        return f"{words} ({step.children.started} of {step.children.total} started)"
    until = _until(step)
    return f"{words} until {until:%Y-%m-%d %H:%M:%S %Z}" if until else words


def _until(step: StepState) -> datetime | None:
    """How long it waits; None if for ever, or not at all."""
    return step.due_at if step.status is StepStatus.WAITING else None


def _kind(definition: Saga | None, name: str) -> str | None:
    """The class that its author wrote; None if this process lacks the definition."""
    return type(definition.by_name[name]).__name__ if definition is not None else None


def _describe_step(name: str, step: StepState, kind: str | None) -> dict[str, Any]:
    until = _until(step)
    return {
        "name": name,
        "kind": kind,
        "status": step.status.value,
        "effect": step.effect.value,
        "attempts": step.attempts,
        "compensation_attempts": step.compensation_attempts,
        "due_at": None if until else step.due_at,
        "until": until,
        "children": None
        if step.children is None
        else {
            "total": step.children.total,
            "started": step.children.started,
            "outcomes": {outcome.value: n for outcome, n in step.children.outcomes.items()},
        },
        "error": step.failure.to_json() if step.failure else None,
    }


def _locks_of_others(found: SagaExecution) -> list[str]:
    """The locks that it waits for: it has a place in their queues, and another family the first."""
    first = SagaLock.objects.filter(key=OuterRef("key")).order_by("id").values("family_id")[:1]
    waiting = SagaLock.objects.filter(execution_id=found.pk).annotate(holder=Subquery(first))
    return list(
        waiting.exclude(holder=F("family_id")).order_by("key").values_list("key", flat=True)
    )


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
