"""What a choice asks of the context: plain values, compared as JSON, and other conditions.

No callables: what decides can be drawn and written down, and decides alike in every process.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sagas.machine.parameters import is_number, shown, wrong
from sagas.machine.storable import NotStorable, storable

LONGEST_CASE: Final = 100
"""Characters of a value as JSON: the row keeps the one that was taken."""

MISSING: Final = object()
"""What is found under a key that is not there."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The very value, as JSON: 1 is 1.0, and not true."""

    text: str
    """The value, as JSON."""

    @property
    def label(self) -> str:
        return self.text

    @property
    def example(self) -> object:
        """A value that fits; the other conditions have one, too."""
        return json.loads(self.text)

    def fits(self, value: object) -> bool:
        return isinstance(value, _PLAIN) and _canonical(value) == self.text


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `at_least` up to `below`, which it does not reach; either may be left out."""

    at_least: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.at_least, self.below) if limit is not None]
        if not limits or not all(map(is_number, limits)) or limits != sorted(set(limits)):
            advice = "Give at_least, below or both, as numbers, the smaller one first."
            raise wrong("Between", "limits", (self.at_least, self.below), advice)

    @property
    def label(self) -> str:
        return f"{_shown(self.at_least)} … {_shown(self.below)}"

    @property
    def example(self) -> object:
        if self.at_least is not None:
            return self.at_least
        assert self.below is not None, "one of the two is there"
        return math.nextafter(self.below, -math.inf)

    def fits(self, value: object) -> bool:
        return (
            is_number(value)
            and (self.at_least is None or value >= self.at_least)  # type: ignore[operator]
            and (self.below is None or value < self.below)  # type: ignore[operator]
        )


@dataclass(frozen=True, slots=True)
class Present:
    """Any value but null, under a key that is there."""

    @property
    def label(self) -> str:
        return "present"

    @property
    def example(self) -> object:
        return True

    def fits(self, value: object) -> bool:
        return value is not MISSING and value is not None


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A value that Python takes for true: a key that is there, and not null, false, 0 or empty."""

    @property
    def label(self) -> str:
        return "true"

    @property
    def example(self) -> object:
        return True

    def fits(self, value: object) -> bool:
        return value is not MISSING and bool(value)


Condition = Equals | Between | Present | IsTrue
Case = str | int | float | bool | None | Between | Present


def as_condition(owner: str, value: object) -> Condition:
    """The condition that a case stands for. Raises `DefinitionError` for what is no case."""
    if isinstance(value, Between | Present):
        return value
    advice = "Use a string, a number, True, False, None, Between(…) or Present()."
    try:
        plain = storable({"case": value})["case"]
    except NotStorable:
        raise wrong(owner, "a case", value, advice) from None
    if not isinstance(plain, _PLAIN) or len(text := _canonical(plain)) > LONGEST_CASE:
        raise wrong(owner, "a case", value, f"{advice} {LONGEST_CASE} characters at most.")
    return Equals(text)


def require_path(owner: str, parameter: str, path: object) -> None:
    """Raises `DefinitionError` for what names no key of a context."""
    if not isinstance(path, str) or not path.isprintable() or not all(path.split(".")):
        advice = "Name a key of the context, or a path of keys with dots: 'decision.outcome'."
        raise wrong(owner, parameter, path, advice)


def value_at(context: object, path: str) -> Any:
    """What the context, or a payload, has under a key, or a path of keys; `MISSING` if there is
    nothing."""
    found: Any = context
    for key in path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            return MISSING
        found = found[key]
    return found


_PLAIN: Final = (str, int, float, type(None))


def _canonical(value: object) -> str:
    """JSON in which equal numbers are written alike."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _shown(limit: float | None) -> str:
    return "" if limit is None else shown(limit)
