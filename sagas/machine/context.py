"""The context: what an action is given, and what is kept of what it hands back (S10).

An action gets a copy of the execution's context, to which four keys are added: `saga_id`,
`idempotency_key` (the same for every attempt), `attempt` (from 1) and `deadline` (an aware
datetime: the end of this attempt, by the database's clock). It returns a mapping of what it adds
or changes, or None. Returning the whole mapping, changed, means the same. A key that is missing
from what is returned stays as it was: keys are never removed.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sagas.machine.states import Direction

RESERVED: Final = ("saga_id", "idempotency_key", "attempt", "deadline")

CONTEXT_LIMIT: Final = 256 * 1024
"""Bytes of a context as JSON. Each transition rewrites the row, and claims read it: larger things
belong into a store of their own, with their key in the context."""

DEPTH_LIMIT: Final = 64
"""Levels of nesting. Deeper than any real context; keeps this walk far from Python's own limit."""

INTEGER_BITS_LIMIT: Final = 4096
"""Bits of an integer. Python refuses to print those of over 4,300 digits (CVE-2020-10735)."""


FLOAT_LIMIT: Final = 1e16
"""From here on jsonb, whose numbers are decimal, writes a float out as an integer: 1e300 is then
301 digits long. Smaller ones come back as the floats that they were."""


class NotStorable(ValueError):
    """A value that PostgreSQL's jsonb can't hold as it is; `path` says where it stands."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path or 'the value'}: {message}")
        self.path = path
        self.message = message


def idempotency_key(saga_id: str, step: str, direction: Direction) -> str:
    """The participant's key: the same for every attempt of one direction of one step."""
    return f"{saga_id}:{step}:{direction}"


def given_to(
    context: Mapping[str, Any], *, saga_id: str, key: str, attempt: int, deadline: datetime
) -> dict[str, Any]:
    """The mapping that an action is called with: the context and the reserved keys."""
    return {
        **context,
        "saga_id": saga_id,
        "idempotency_key": key,
        "attempt": attempt,
        "deadline": deadline,
    }


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
    if not isinstance(returned, Mapping):
        raise NotStorable(
            "", f"an action returns a mapping or None, not {type(returned).__name__}."
        )
    for key in RESERVED:
        if key in returned and returned[key] is not given[key] and returned[key] != given[key]:
            raise NotStorable(key, "this key is the engine's: return the result under another.")
    # What is the very object that was given is no change, and was looked at when it came.
    new = {
        key: value
        for key, value in returned.items()
        if key not in RESERVED and not (key in given and given[key] is value)
    }
    _check(new, None, DEPTH_LIMIT)
    # Compared as JSON: 1, 1.0 and True are equal in Python, at any depth.
    changed = {
        key: value
        for key, value in new.items()
        if key not in given or _canonical(given[key]) != _canonical(value)
    }
    fitting_json(changed)
    return changed


def storable_json(value: Mapping[str, Any], *, limit: int = CONTEXT_LIMIT) -> str:
    """`value` as JSON text that jsonb takes; at most `limit` bytes.

    Raises `NotStorable` for NaN and infinities, NUL characters, lone surrogates, keys that are
    not strings, types that JSON lacks, and for what is too deep or too large.
    """
    _check(value, None, DEPTH_LIMIT)
    return fitting_json(value, limit=limit)


def fitting_json(value: Mapping[str, Any], *, limit: int = CONTEXT_LIMIT) -> str:
    """The same for what is made of storable values only, so that nothing but its size can be wrong
    with it: they were looked at when they came, which takes longer than to write them down."""
    text = _encode(value)
    size = len(text.encode())
    if size > limit:
        raise NotStorable(
            "",
            f"{size:,} bytes as JSON, and the limit is {limit:,}. Keep large things in a store "
            f"of their own, and their key here.",
        )
    return text


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

Path = tuple["Path", str | int] | None
"""Where a value stands: the path of what holds it, and its key there. Put into words only for an
error: a context is looked at far more often than refused."""


def _check(value: object, path: Path, depth: int) -> None:
    if depth == 0:
        raise NotStorable(_dotted(path), f"nested deeper than {DEPTH_LIMIT} levels. Flatten it.")
    match value:
        case str():
            if "\x00" in value or not value.isascii():
                _check_text(value, path)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    advice = f"the key {key!r} is not a string. Use str({key!r})."
                    raise NotStorable(_dotted(path), advice)
                if "\x00" in key or not key.isascii():
                    _check_text(key, path)
                _check(item, (path, key), depth - 1)
        case list() | tuple():
            for index, item in enumerate(value):
                _check(item, (path, index), depth - 1)
        case int() | float():
            if why := _why_no_number(value):
                raise NotStorable(_dotted(path), why)
        case None:
            pass
        case _:
            kind = type(value).__name__
            advice = f"{kind} is not a JSON type. Return a string or a number."
            raise NotStorable(_dotted(path), advice)


def _why_no_number(value: float) -> str:
    """Why jsonb can't hold it as it is; empty if it can."""
    if isinstance(value, int):
        is_long = value.bit_length() > INTEGER_BITS_LIMIT
        return "an integer of over 1,200 digits. Pass it as a string." if is_long else ""
    if not math.isfinite(value):
        return f"{value} is not a number in JSON. Use null or a string."
    if abs(value) >= FLOAT_LIMIT:
        return f"{value} would come back as an integer. Pass a string."
    return ""


def _check_text(text: str, path: Path) -> None:
    if "\x00" in text:
        why = "contains a NUL character, which PostgreSQL can't store."
        raise NotStorable(_dotted(path), why)
    try:
        text.encode()
    except UnicodeEncodeError:
        why = "contains half of a surrogate pair: not Unicode."
        raise NotStorable(_dotted(path), why) from None


def _dotted(path: Path) -> str:
    """As in `items.0.quantity`."""
    keys: list[str] = []
    while path is not None:
        path, key = path
        keys.insert(0, str(key))
    return ".".join(keys)
