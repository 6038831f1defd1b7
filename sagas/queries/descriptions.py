"""Executions, steps and events as the outside sees them: JSON values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Min, OuterRef, Subquery
from django.db.models.functions import Least

from sagas.access import OPERATOR, Asker, policy
from sagas.machine import TERMINAL, ExecutionStatus, Options, Saga, StepState, StepStatus
from sagas.models import SagaEvent, SagaExecution, SagaLock
from sagas.moments import aware
from sagas.queries.attention import below
from sagas.queries.tasks import tasks_of
from sagas.queries.words import without_words
from sagas.registry import registry

MOST_SAID: Final = 300
"""Characters of what is wrong with a row."""


def summary(found: SagaExecution) -> dict[str, Any]:
    """An execution in a list. Makes no query if its parent was read with it."""
    states, options, _ = _read(found)
    return {
        "saga_id": found.saga_id,
        "saga_type": found.saga_type,
        "version": found.version,
        "status": found.status,
        "tags": _texts(found.tags),
        "paused": found.paused,
        "current_steps": _texts(found.current_steps),
        "gave_up": _gave_up(found.status, states),
        "parent": {"saga_id": found.parent.saga_id, "step": found.parent_step}
        if found.parent
        else None,
        "start_at": options.start_at,
        "deadline": options.deadline,
        "blocked": options.blocked,
        "created_at": aware(found.created_at),
        "updated_at": aware(found.updated_at),
        "finished_at": None if found.finished_at is None else aware(found.finished_at),
    }


def describe(found: SagaExecution, viewer: Asker = OPERATOR) -> dict[str, Any]:
    """Everything about an execution, with every step of its definition. `viewer` may see it, and is
    told what `sagas.queries.words` says."""
    shown = _describe(found)
    if not policy().may_read_words(viewer, found):
        for each in (shown, *shown["steps"]):
            each["error"] = each["error"] and without_words(each["error"])
    return shown


def _describe(found: SagaExecution) -> dict[str, Any]:
    states, options, unreadable = _read(found)
    definition = registry.fitting(found.saga_type, found.version, found.definition_digest)
    names = list(definition.by_name) if definition is not None else sorted(states)
    overview = summary(found)
    needy, count = _attention(found, states)
    tasks = tasks_of(found, definition) if definition is not None and definition.tasks else {}
    return {
        **overview,
        "waits_for_locks": _locks_of_others(found) if overview["blocked"] else [],
        "context": found.context if isinstance(found.context, dict) else {},
        "error": {"event": "unreadable", "message": unreadable} if unreadable else _error(found),
        "attention": needy,
        "attention_count": count,
        "steps": [
            _describe_step(name, states.get(name, StepState()), _kind(definition, name))
            | {
                "left_out": definition is not None and definition.leaves_out(name, options.choices),
                "form": _form(definition, name),
                "task": tasks.get(name),
            }
            for name in names
        ],
        "choices": dict(options.choices),
        "last_seq": found.last_seq,
    }


def describe_event(event: SagaEvent, *, with_words: bool = True) -> dict[str, Any]:
    """An event; `status` is the execution's status after it. See `sagas.queries.words`."""
    return {
        "seq": event.seq,
        "type": event.type,
        "step": event.step,
        "direction": event.direction,
        "attempt": event.attempt,
        "status": event.status,
        "at": aware(event.at).isoformat(),
        "data": event.data if with_words else without_words(event.data),
    }


def what_is_left(found: SagaExecution) -> str:
    """What keeps an execution from its end, in words; empty if nothing does."""
    if found.status in TERMINAL:
        return ""
    states, options, unreadable = _read(found)
    if unreadable:
        return unreadable
    if gave_up := _gave_up(found.status, states):
        return f"gave up: {', '.join(gave_up)}"
    if options.blocked:
        return "waits for a lock"
    if found.current_steps:
        now = {name: states.get(name, StepState()) for name in _texts(found.current_steps)}
        return ", ".join(f"{name} {_in_words(step)}" for name, step in now.items())
    if options.held and found.status == ExecutionStatus.COMPENSATING:
        return "waits for its parent to turn back"
    if options.start_at is not None and found.status == ExecutionStatus.PENDING:
        return f"starts at {options.start_at:%Y-%m-%d %H:%M:%S %Z}"
    return "waits to be resumed" if found.paused else ""


def _attention(
    found: SagaExecution, states: Mapping[str, StepState]
) -> tuple[list[dict[str, str]], int]:
    """What needs a person, of an execution itself and below it, and how many executions that
    are. Asks the database only about one that has children."""
    kind = found.saga_type, found.version, found.definition_digest
    own = ""
    if found.status not in TERMINAL:
        own = _why_attention(found.saga_id, found.status, states, kind)
    needy = [{"saga_id": found.saga_id, "reason": own}] if own else []
    if not any(step.children for step in states.values()):
        return needy, len(needy)
    troubles, count = below(found)
    for each in troubles:
        try:
            reason = _why_attention(each.saga_id, each.status, _steps_of(each.steps), each.kind)
        except Exception:
            reason = "its row can't be read"
        needy.append({"saga_id": each.saga_id, "reason": reason})
    return needy, count + bool(own)


def _why_attention(
    saga_id: str, status: str, states: Mapping[str, StepState], kind: tuple[str, int, str]
) -> str:
    """Why an execution itself needs a person; empty if it doesn't."""
    if status == ExecutionStatus.FAILED:
        return f"failed, {', '.join(_gave_up(status, states))} gave up"
    return registry.why_unfit(saga_id, *kind)


def _read(found: SagaExecution) -> tuple[dict[str, StepState], Options, str]:
    """Its steps, its options, and why they can't be read, if so: one broken row must not hide the
    others in a list (L3)."""
    try:
        return _steps_of(found.steps), Options.from_json(found.options), ""
    except Exception as error:
        return {}, Options(), f"its row can't be read: {type(error).__name__}: {error}"[:MOST_SAID]


def _steps_of(kept: Mapping[str, Any]) -> dict[str, StepState]:
    return {name: StepState.from_json(data) for name, data in kept.items()}


def _texts(values: object) -> list[str]:
    """What a column of texts holds; nothing if it holds something else."""
    listed = values if isinstance(values, list) else []
    return [value for value in listed if isinstance(value, str)]


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


def _form(definition: Saga | None, name: str) -> dict[str, Any] | None:
    """What a signal has to fit; None if it may be anything, or the step is another one."""
    form = getattr(definition.by_name[name], "form", None) if definition is not None else None
    return None if form is None else dict(form)


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
            # How many rounds there will be, nobody knows.
            "total": step.children.started if kind == "Repeat" else step.children.total,
            "started": step.children.started,
            "outcomes": {outcome.value: n for outcome, n in step.children.outcomes.items()},
        },
        "error": step.failure.to_json() if step.failure else None,
    }


def _locks_of_others(found: SagaExecution) -> list[str]:
    """The locks and limits that it waits for, by the rule of `sagas.store.locks`."""
    ahead = SagaLock.objects.filter(key=OuterRef("key"), place__lt=OuterRef("place")).values("key")
    own = SagaLock.objects.filter(execution_id=found.pk).annotate(
        ahead=Subquery(ahead.annotate(count=Count("place", distinct=True)).values("count")),
        smallest=Subquery(ahead.annotate(smallest=Min("most")).values("smallest")),
    )
    waiting = own.filter(ahead__gte=Least("most", "smallest"))
    return list(waiting.order_by("key").values_list("key", flat=True))


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
