"""How a trace writes down what the machine says and what it is told."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sagas.machine import ExecutionState, Failure
from tests.model.facts import NOW


def told(thing: Any) -> str:
    """An event or a fact: its type and its values."""
    name = getattr(thing, "type", type(thing).__name__)
    values = [_told_value(each.name, getattr(thing, each.name)) for each in fields(thing)]
    return " ".join([name, *(value for value in values if value)])


def told_row(state: ExecutionState) -> str:
    steps = [
        f"{name} {step.status} (effect {step.effect}, fence {step.fence})"
        for name, step in state.steps.items()
    ]
    paused = " (paused)" if state.paused else ""
    return f"row: {state.status}{paused}: {', '.join(steps)}"


def _told_value(name: str, value: Any) -> str:
    match value:
        case datetime():
            return f"{name} +{(value - NOW).total_seconds():g}s"
        case Failure():
            return value.kind
        case dict() | tuple():
            return ",".join(value)
        case bool():
            return name if value else f"not {name}"
        case int():
            return f"{name} {value}"
        case None:
            return ""
        case _:
            return str(value)
