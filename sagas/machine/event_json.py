"""Events as JSON values, for rows and for the outside, and back."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sagas.machine.events import EVENT_TYPES, Event
from sagas.machine.failures import Failure
from sagas.machine.states import Direction, Effect, Outcome

_FIELDS: Final = {
    kind: tuple(field.name for field in fields(kind)) for kind in EVENT_TYPES.values()
}


_RARE: Final = {"together": False, "counts": True, "alone": False}
"""Fields that are left out if they say nothing special: older code does not know them (R15)."""


def to_json(event: Event) -> dict[str, Any]:
    """Everything of an event but its type, as JSON values."""
    data = {name: _plain(getattr(event, name)) for name in _FIELDS[type(event)]}
    for name in _RARE.keys() & data.keys():
        if data[name] is _RARE[name]:
            del data[name]
    return data


def from_json(event_type: str, data: Mapping[str, Any]) -> Event:
    """The event that `to_json` gave `data` for. Raises KeyError for an unknown type, TypeError
    for an unknown or missing field."""
    return EVENT_TYPES[event_type](
        **{name: _READ.get(name, _as_is)(value) for name, value in data.items()}
    )


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Failure():
            return value.to_json()
        case tuple():
            return list(value)
        case _:
            return value


def _as_is(value: Any) -> Any:
    return value


def _failure(data: dict[str, Any] | None) -> Failure | None:
    return Failure.from_json(data) if data else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _change(counts: Mapping[str, int]) -> dict[Outcome, int]:
    return {Outcome(name): number for name, number in counts.items()}


_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "direction": Direction,
    "effect": Effect,
    "due_at": _moment,
    "lease_until": _moment,
    "start_at": _moment,
    "deadline": _moment,
    "until": _moment,
    "failure": _failure,
    "change": _change,
    "left": tuple,
    "leave": tuple,
}
