"""The context: what an action is given, and what is kept of what it hands back (S10).

An action gets a copy of the execution's context, a `Context`, to which five keys are added. It
returns a mapping of what it adds or changes, or None. Returning the whole mapping, changed, means
the same. A key that is missing from what is returned stays as it was: keys are never removed.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sagas.machine.parameters import RESERVED
from sagas.machine.states import Direction
from sagas.machine.storable import (
    CONTEXT_LIMIT,
    DEPTH_LIMIT,
    NotStorable,
    as_dict,
    storable,
)

__all__ = [
    "CONTEXT_LIMIT",
    "DEPTH_LIMIT",
    "RESERVED",
    "Context",
    "NotStorable",
    "changes",
    "copied",
    "digest",
    "fitting_json",
    "for_action",
    "given_to",
    "idempotency_key",
    "json_text",
    "storable",
    "storable_json",
]

NEGATIVE_ZERO: Final = "-1e-324"
"""What jsonb is given for -0.0: less than the smallest float, so that it is read as -0.0."""

READ_BACK: Final = 320
"""Bytes by which it is longer when it is read back: jsonb writes all of its digits."""


class Context(dict[str, Any]):
    """The argument of an action or a compensation: a dict of the input and what earlier steps
    added. Five keys belong to the engine; they are also available as attributes."""

    @property
    def saga_id(self) -> str:
        return str(self["saga_id"])

    @property
    def idempotency_key(self) -> str:
        """What to call the participant under: the same for every attempt of this direction."""
        return str(self["idempotency_key"])

    @property
    def action_key(self) -> str:
        """In a compensation: the key of the action that it undoes. In an action: its own
        `idempotency_key`."""
        return str(self["action_key"])

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 1. Attempts that do not count (`Later`) have a number,
        too; but not the asks of a `Poll` that had no answer."""
        return int(self["attempt"])

    @property
    def deadline(self) -> datetime:
        """The end of this attempt by the database's clock; it has a time zone."""
        found: datetime = self["deadline"]
        return found


def idempotency_key(saga_id: str, step: str, direction: Direction) -> str:
    """The key to send to the participant: the same for every attempt in this direction."""
    return f"{saga_id}:{step}:{direction}"


def given_to(
    context: Mapping[str, Any],
    *,
    saga_id: str,
    key: str,
    action_key: str,
    attempt: int,
    deadline: datetime,
) -> dict[str, Any]:
    """What an action is called with a copy of: the context and the reserved keys."""
    return {
        **context,
        "saga_id": saga_id,
        "idempotency_key": key,
        "action_key": action_key,
        "attempt": attempt,
        "deadline": deadline,
    }


def for_action(given: Mapping[str, Any]) -> Context:
    """A copy of what is given to an action, for one call: it may change whatever is in it."""
    return Context({key: copied(item) for key, item in given.items()})


def copied(value: Any) -> Any:
    """A copy that shares nothing that can be changed: of what comes out of jsonb, or could have,
    and of the reserved keys. A tuple becomes the list that jsonb makes of it."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    return value


def changes(given: Mapping[str, Any], returned: object) -> dict[str, Any]:
    """What `returned` adds to or changes in `given`; an action returned it.

    Raises `NotStorable` if it is not a mapping, changes a reserved key, or can't be kept as JSON.
    """
    if returned is None:
        return {}
    found = as_dict(returned, "an action returns a mapping or None")
    for key in RESERVED:
        if key in found and not _is_same(found[key], given[key]):
            raise NotStorable(key, "this key is the engine's: return the result under another.")
    # What is the very object that was given is no change, and was looked at when it came.
    new = storable(
        {
            key: value
            for key, value in found.items()
            if key not in RESERVED and not (key in given and given[key] is value)
        }
    )
    changed = difference(given, new)
    fitting_json(changed)
    return changed


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What of `after` is not in `before`, or is another value there. Compared as JSON: 1, 1.0 and
    True are equal in Python, at any depth."""
    return {
        key: value
        for key, value in after.items()
        if key not in before or _canonical(before[key]) != _canonical(value)
    }


def _is_same(value: object, given: object) -> bool:
    """Whether they are equal; only values of the engine's own kinds are asked."""
    return value is given or (type(value) is type(given) and value == given)


def storable_json(value: Mapping[str, Any], *, limit: int = CONTEXT_LIMIT) -> str:
    """`value` as JSON text that jsonb takes; at most `limit` bytes. Raises what `storable` does."""
    return fitting_json(storable(value), limit=limit)


def fitting_json(value: Mapping[str, Any], *, limit: int = CONTEXT_LIMIT) -> str:
    """The same for what is made of storable values only, so that nothing but its size can be wrong
    with it: they were looked at when they came, which takes longer than to write them down."""
    text = json_text(value)
    size = len(text.encode())
    if NEGATIVE_ZERO in text:
        size += text.count(NEGATIVE_ZERO) * READ_BACK
    if size > limit:
        raise NotStorable(
            "",
            f"{size:,} bytes as JSON, and the limit is {limit:,}. Keep large values in your own "
            "storage, and their key here.",
        )
    return text


def json_text(value: object) -> str:
    """The JSON of plain values, as it is handed to jsonb.

    jsonb has no negative zero: -0.0 would come back as 0.0. But it has decimal numbers that are so
    small that every reader of floats takes them for -0.0.
    """
    text = _encode(value)
    return _OF_ZERO.sub(_negative_zero, text) if "-0.0" in text else text


def _negative_zero(found: re.Match[str]) -> str:
    return NEGATIVE_ZERO if found[0] == "-0.0" else found[0]


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a storable value, whatever the order of its keys."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


# Made once: `json.dumps` makes one for each call that asks for anything but its defaults.
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode
_canonical: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
).encode

_OF_ZERO: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-0\.0(?![0-9])')
"""A string, whose text is its own, or -0.0."""
