"""When a wait ends: by its definition, or by what the context says."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sagas.machine.conditions import MISSING, value_at
from sagas.machine.parameters import LONGEST, as_timedelta, is_number, shown
from sagas.machine.waiting_steps import Sleep, WaitFor


class NoTime(ValueError):
    """The context has no usable time where one is expected."""


def ends_at(step: WaitFor | Sleep, context: Mapping[str, Any], now: datetime) -> datetime | None:
    """When a wait that begins `now` ends by itself; None if it does not. Raises `NoTime`."""
    if isinstance(step, Sleep) and step.until is not None:
        return _moment(step.until, value_at(context, step.until), now)
    duration = step.timeout if isinstance(step, WaitFor) else step.duration or step.seconds
    if isinstance(duration, str):
        return now + _duration(duration, value_at(context, duration))
    return None if duration is None else now + as_timedelta(duration)


def _moment(path: str, value: object, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _unusable(path, value, "ISO 8601 text with an offset, as 2026-05-01T12:00:00+02:00")
    if moment - now > LONGEST:
        raise _unusable(path, value, f"a moment within {LONGEST.days:,} days")
    return moment


def _duration(path: str, value: object) -> timedelta:
    if not is_number(value) or not 0 <= value <= LONGEST.total_seconds():  # type: ignore[operator]
        raise _unusable(path, value, f"a number of seconds, from 0 to {LONGEST.days:,} days")
    return timedelta(seconds=value)  # type: ignore[arg-type]


def _unusable(path: str, value: object, wanted: str) -> NoTime:
    found = "missing" if value is MISSING else shown(value)
    return NoTime(f"The context's {path!r} is {found}, and has to be {wanted}.")
