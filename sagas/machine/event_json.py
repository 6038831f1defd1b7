"""How events are written down."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sagas.machine import events as ev
from sagas.machine.failures import Failure
from sagas.machine.states import Direction, Effect, Outcome

_RARE: Final = {
    **{"together": False, "counts": True, "alone": False},
    **{"key": "", "collected": False, "adds": None, "goes_to": "", "open": False},
    **{"taken": False, "hands": None, "remind_at": None},
}
"""Fields that are left out if they say nothing special: older code does not know them (R15)."""


def event_to_json(event: ev.Event) -> dict[str, Any]:
    """Everything of an event but its type, as JSON values."""
    data: dict[str, Any] = {}
    for name in _FIELDS[type(event)]:
        value = getattr(event, name)
        if value is not None and name in _WRITTEN:
            data[name] = _WRITTEN[name](value)
        elif name not in _RARE or value is not _RARE[name]:
            data[name] = value
    return data


def event_from_json(event_type: str, data: Mapping[str, Any]) -> ev.Event:
    """The event that `event_to_json` gave `data` for. Raises KeyError for an unknown type and
    TypeError for an unknown or missing field."""
    return ev.EVENT_TYPES[event_type](
        **{name: _READ.get(name, _as_is)(value) for name, value in data.items()}
    )


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
    "remind_at": _moment,
    "failure": _failure,
    "change": _change,
    "left": tuple,
    "leave": tuple,
    "hands": tuple,
}
_WRITTEN: Final[dict[str, Callable[[Any], Any]]] = {
    name: list if read is tuple else Failure.to_json if read is _failure else datetime.isoformat
    for name, read in _READ.items()
    if read in (tuple, _failure, _moment)
}
_FIELDS: Final = {
    kind: tuple(field.name for field in fields(kind)) for kind in ev.EVENT_TYPES.values()
}
