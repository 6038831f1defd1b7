"""The definitions that this process knows, as the outside sees them: JSON values."""

from typing import Any

from sagas import typed_context
from sagas.machine import Pivot, Saga
from sagas.machine.family_steps import Step
from sagas.registry import registry


def saga_types() -> list[dict[str, Any]]:
    """Each saga type with its versions, the newest first; by name. Those of items and rounds, which
    nobody starts, are left out."""
    versions: dict[str, list[int]] = {}
    for saga in registry:
        if saga.items_of is None:
            versions.setdefault(saga.saga_type, []).append(saga.version)
    return [
        {"saga_type": name, "versions": sorted(found, reverse=True)}
        for name, found in sorted(versions.items())
    ]


def definition(saga_type: str, version: int | None = None) -> Saga:
    """The definition of that type and version, the newest if it is None. Raises `UnknownSaga`."""
    return registry.newest(saga_type) if version is None else registry.get(saga_type, version)


def describe_definition(saga: Saga) -> dict[str, Any]:
    """What somebody who starts it, or looks at it, wants to know."""
    return {
        "saga_type": saga.saga_type,
        "version": saga.version,
        "digest": saga.digest,
        "input": None if saga.input is None else typed_context.schema_of(saga.input),
        "steps": [_describe_step(saga, step) for step in saga.by_name.values()],
    }


def _describe_step(saga: Saga, step: Step) -> dict[str, Any]:
    form = getattr(step, "form", None)
    is_pivot = isinstance(step, Pivot)
    return {
        "name": step.name,
        "kind": type(step).__name__,
        "has_compensation": getattr(step, "compensation", None) is not None,
        "can_be_undone": not is_pivot and step.name not in saga.after_pivot,
        "form": None if form is None else dict(form),
        "is_task": step.name in saga.tasks,
    }
