"""Which values jsonb holds as they are: what may stand in a context.

Ordinary values, of exactly the plain types, are looked at once. What is of a subclass, or only says
that it is of some class, is looked at more closely: whatever it does, it is taken or refused.
"""

import math
from collections.abc import Mapping, Sized
from itertools import islice
from typing import Any, Final

from sagas.machine.parameters import SHOWN, shown

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


def storable(value: object) -> dict[str, Any]:
    """`value`, a mapping, as nothing but plain dicts, lists, tuples and scalars, all of which jsonb
    takes as they are: itself, if it is made of those alone.

    Raises `NotStorable` for NaN and infinities, NUL characters, lone surrogates, keys that are
    not strings, types that JSON lacks, what can't be read, and for what is too deep or too large.
    """
    found = as_dict(value, "this is a mapping of names to values")
    try:
        _check(found, None, DEPTH_LIMIT, [CONTEXT_LIMIT])
    except _Subclass:
        plain: dict[str, Any] = _plain(found, None, DEPTH_LIMIT, [CONTEXT_LIMIT])
        return plain
    return found


Path = tuple["Path", str | int] | None
"""Where a value stands: the path of what holds it, and its key there. Put into words only for an
error: a context is looked at far more often than refused."""


class _Subclass(Exception):
    """Something is not exactly of a plain type, and has to be looked at more closely."""


def as_dict(value: object, wanted: str) -> dict[str, Any]:
    """A mapping as a dict. By its type: an object may say that it is of another class."""
    if type(value) is dict:
        return value
    kind = type(value)
    if not issubclass(kind, Mapping):
        raise NotStorable("", f"{wanted}, not {kind.__name__}.")
    return dict(_items(value, None))


def _check(value: object, path: Path, depth: int, left: list[int]) -> None:
    """Raises `NotStorable`, or `_Subclass` if it can't tell. `left` is how many values there may
    still be: a list may hold another many times over, which a walk would not end with."""
    if depth == 0:
        raise _too_deep(path)
    kind = type(value)
    if kind is str:
        if "\x00" in value or not value.isascii():  # type: ignore[operator,attr-defined]
            _check_text(value, path)  # type: ignore[arg-type]
    elif kind is dict:
        _count(value, left)  # type: ignore[arg-type]
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise _Subclass
            if "\x00" in key or not key.isascii():
                _check_text(key, path)
            _check(item, (path, key), depth - 1, left)
    elif kind is list or kind is tuple:
        _count(value, left)  # type: ignore[arg-type]
        for index, item in enumerate(value):  # type: ignore[arg-type]
            _check(item, (path, index), depth - 1, left)
    elif kind is int or kind is float:
        if why := _why_no_number(value):  # type: ignore[arg-type]
            raise NotStorable(_dotted(path), why)
    elif value is not None and kind is not bool:
        raise _Subclass


def _plain(value: object, path: Path, depth: int, left: list[int]) -> Any:
    """`value` with plain values in place of those of subclasses. What these override is not asked,
    but for the items of those that hold others; and those must be what is there."""
    kind = type(value)
    if depth == 0:
        raise _too_deep(path)
    if issubclass(kind, str):
        value = str.__str__(value)
    elif issubclass(kind, int) and kind is not bool:
        value = int.__int__(value)  # type: ignore[arg-type]
    elif issubclass(kind, float):
        value = float.__float__(value)  # type: ignore[arg-type]
    elif issubclass(kind, dict):
        _count(value, left)  # type: ignore[arg-type]
        return {
            _key(key, path): _plain(item, (path, _key(key, path)), depth - 1, left)
            for key, item in _items(value, path)
        }
    elif issubclass(kind, list | tuple):
        _count(value, left)  # type: ignore[arg-type]
        return [
            _plain(item, (path, index), depth - 1, left)
            for index, item in enumerate(_members(value, path))  # type: ignore[arg-type]
        ]
    elif value is not None and kind is not bool:
        advice = f"{kind.__name__} is not a JSON type. Return a string or a number."
        raise NotStorable(_dotted(path), advice)
    _check(value, path, depth, left)
    return value


def _key(key: object, path: Path) -> str:
    if not issubclass(type(key), str):
        advice = f"the key {shown(key)} is not a string. Use str({shown(key)})."
        raise NotStorable(_dotted(path), advice)
    plain = str.__str__(key)
    _check_text(plain, path)
    return plain


def _items(value: Any, path: Path) -> list[tuple[Any, Any]]:
    """The pairs of a mapping that is no plain dict."""
    try:
        pairs = [(key, item) for key, item in islice(value.items(), CONTEXT_LIMIT + 1)]
        held = dict.items(value) if isinstance(value, dict) else pairs
        is_true = dict.__len__(dict(held)) == len(pairs) <= CONTEXT_LIMIT
        if is_true and isinstance(value, dict):
            is_true = all(dict.__getitem__(value, key) is item for key, item in pairs)
    except Exception as error:
        raise _unreadable(value, path, error) from error
    if not is_true:
        raise _unreadable(value, path, None)
    return pairs


def _members(value: list[Any] | tuple[Any, ...], path: Path) -> list[Any]:
    base: Any = list if isinstance(value, list) else tuple
    held = [*base.__iter__(value)]
    try:
        told = [item for item, _ in zip(value, range(len(held) + 1), strict=False)]
    except Exception as error:
        raise _unreadable(value, path, error) from error
    if len(told) != len(held) or any(a is not b for a, b in zip(told, held, strict=True)):
        raise _unreadable(value, path, None)
    return held


def _unreadable(value: object, path: Path, error: Exception | None) -> NotStorable:
    why = (
        f"raises {type(error).__name__} when it is read"
        if error
        else "returns values that it does not hold"
    )
    advice = f"{type(value).__name__} {why}. Return a plain dict or list."
    return NotStorable(_dotted(path), advice)


def _count(value: Sized, left: list[int]) -> None:
    left[0] -= len(value)
    if left[0] < 0:
        raise NotStorable("", f"more than {CONTEXT_LIMIT:,} values. Keep large things elsewhere.")


def _too_deep(path: Path) -> NotStorable:
    return NotStorable(_dotted(path), f"nested deeper than {DEPTH_LIMIT} levels. Flatten it.")


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
        keys.insert(0, str(key)[:SHOWN])
    return ".".join(keys)
