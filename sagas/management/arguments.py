"""What the commands take on their command line."""

import getpass
import json
import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.management.base import CommandError

from sagas.machine.context import NotStorable, storable_json

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes"}


def duration(text: str) -> timedelta:
    """`30d`, `12h` or `45m` as a timedelta."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([dhm])", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a duration: write 30d, 12h or 45m.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str) -> datetime:
    """`2026-05-01T12:00:00+02:00` as a datetime."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} is not a time: write it like 2026-05-01T12:00:00+02:00.")
    return found


def positive(text: str) -> int:
    """A number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number: write 1 or more.")
    return int(text)


def who(options: dict[str, Any]) -> str:
    """Who acts: what `--by` says, or the user of the system."""
    try:
        return options["by"] or getpass.getuser()
    except (KeyError, OSError):
        raise CommandError("Your system user has no name: add --by.", returncode=2) from None


def text(value: str) -> str:
    """Text that can be kept, and is not empty."""
    try:
        storable_json({"text": value})
    except NotStorable as error:
        raise ArgumentTypeError(error.message) from None
    if not value.strip():
        raise ArgumentTypeError("can't be empty")
    return value.strip()


def json_value(value: str) -> Any:
    """Any JSON."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ArgumentTypeError(f"is not JSON: {error}") from None


def json_object(value: str) -> dict[str, Any]:
    """A JSON object with one key at least."""
    found = json_value(value)
    if not isinstance(found, dict) or not found:
        raise ArgumentTypeError('names no key: write it like {"amount_cents": 2500}')
    return found


def positive_number(value: str) -> int:
    """A number of at least one, that PostgreSQL can keep."""
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 1 << 63:
        raise ArgumentTypeError("is not a number, 1 or more")
    return int(value)
