"""What the parameters of a definition may be. Each is checked where it is written, and the error
names whose it is, the parameter, its value, and what to write instead."""

import functools
import inspect
import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from sagas.machine.storable import RESERVED, shown

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Types and steps: they become Celery task names, routing keys and metric labels."""

MOST: Final = 2**31 - 1
"""The largest number that a column of PostgreSQL's type `integer` holds."""

LONGEST: Final = timedelta(days=36_525)
"""A century. From any start that is accepted, such a duration ends before PostgreSQL's and
Python's calendars do."""

MOST_FACTOR: Final = 1e6
"""Of a backoff: any cap is reached at once."""

QUEUE_BYTES: Final = 255
"""What AMQP allows for the name of a queue."""


Duration = timedelta | float
"""A timedelta, or a number of seconds."""


class DefinitionError(ValueError):
    """A definition that can't work: what is wrong with it, and what to write instead."""


def wrong(owner: str, parameter: str, value: object, advice: str) -> DefinitionError:
    """The error for a parameter. `owner` says whose it is, as in `Step 'pay'`; empty if that is
    not known."""
    return DefinitionError(f"{owner}{': ' if owner else ''}{parameter} is {shown(value)}. {advice}")


def require_name(owner: str, parameter: str, name: object) -> None:
    """Raises `DefinitionError` for a name that can't be used. A member of an enumeration may be
    one, if `str` gives its value."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise DefinitionError(
            f"{owner}{': ' if owner else ''}the {parameter} {shown(name)} can't be used in task "
            f"names and routing keys: use lower-case letters, digits and '_', 63 at most, a letter "
            f"first."
        )
    if f"{name}" != str.__str__(name):
        raise wrong(owner, parameter, name, "Use a plain string, as its `.value`.")


def require_key(owner: str, parameter: str, name: str) -> None:
    """Raises `DefinitionError` for a name under which the context can't keep a result."""
    if name in RESERVED:
        advice = f"The engine keeps {', '.join(RESERVED)} in each context: use another name."
        raise wrong(owner, parameter, name, advice)


def require_whole(owner: str, parameter: str, value: object, advice: str) -> None:
    """Raises `DefinitionError` for what is no whole number from 1, or too large for its column."""
    if type(value) is not int or not 1 <= value <= MOST:
        raise wrong(owner, parameter, value, f"{advice}; a whole number up to {MOST:,}.")


def require_number(
    owner: str, parameter: str, value: object, least: float, most: float, advice: str
) -> None:
    """Raises `DefinitionError` for what is no number from `least` to `most`."""
    if not _is_number(value) or not least <= value <= most:  # type: ignore[operator]  # it is one
        raise wrong(owner, parameter, value, advice)


def require_duration(
    owner: str, parameter: str, value: object, *, may_be_zero: bool = False
) -> None:
    """Raises `DefinitionError` for what is no duration, and for one that no calendar reaches."""
    least = "use 0 or more" if may_be_zero else "Give a positive number of"
    advice = f"{least} seconds, or a timedelta; {LONGEST.days:,} days at most."
    if not isinstance(value, timedelta) and not _is_number(value):
        raise wrong(owner, parameter, value, advice)
    try:
        duration = as_timedelta(value)
    except OverflowError:
        raise wrong(owner, parameter, value, advice) from None
    least_possible = timedelta(0) if may_be_zero else timedelta(microseconds=1)
    if not least_possible <= duration <= LONGEST:
        raise wrong(owner, parameter, value, advice)


def require_flag(owner: str, parameter: str, value: object) -> None:
    """Raises `DefinitionError` for what is neither True nor False."""
    if not isinstance(value, bool):
        raise wrong(owner, parameter, value, "Use True or False.")


def require_choice(owner: str, parameter: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises `DefinitionError` for what is none of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise wrong(owner, parameter, value, f"Use {' or '.join(map(repr, choices))}.")


def require_queue(owner: str, queue: object) -> None:
    """Raises `DefinitionError` for what no broker takes as the name of a queue."""
    advice = (
        f"Use the name of a queue, of at most {QUEUE_BYTES} bytes without spaces or control "
        f"characters; or None for the default one."
    )
    is_name = isinstance(queue, str) and queue.isprintable() and " " not in queue
    if not is_name or not 0 < len(queue.encode()) <= QUEUE_BYTES:  # type: ignore[attr-defined]
        raise wrong(owner, "queue", queue, advice)


def require_keys(owner: str, parameter: str, keys: object) -> None:
    """Raises `DefinitionError` for what is no list of keys, or mapping of keys to others."""
    # A single string is a sequence of one-letter keys, which nobody means.
    if isinstance(keys, str):
        raise wrong(owner, parameter, keys, f"Write a list: [{shown(keys)}].")
    if isinstance(keys, bytes) or not isinstance(keys, Collection):
        advice = "Use a list of the context's keys, or a mapping that renames them."
        raise wrong(owner, parameter, keys, advice)
    given = [*keys, *keys.values()] if isinstance(keys, Mapping) else [*keys]
    for key in given:
        if not isinstance(key, str) or not key or not key.isprintable():
            raise wrong(owner, f"a key in {parameter}", key, "Keys are texts, and not empty.")
    for key in keys.values() if isinstance(keys, Mapping) else keys:
        require_key(owner, f"a key in {parameter}", key)


def require_function(owner: str, parameter: str, function: object, takes: str = "context") -> None:
    """Raises `DefinitionError` for what can't be called with one argument and give its result at
    once."""
    if not callable(function):
        raise wrong(owner, parameter, function, f"Pass a function that takes the {takes}.")
    if isinstance(function, type):
        advice = f"It is a class: pass a function that takes the {takes}, or an object of it."
        raise wrong(owner, parameter, function, advice)
    called = _called(function)
    if any(map(inspect.iscoroutinefunction, called)):
        advice = "It is an async function, which nobody awaits here. Write it with `def`."
        raise wrong(owner, parameter, function, advice)
    generators = inspect.isgeneratorfunction, inspect.isasyncgenfunction
    if any(is_one(each) for is_one in generators for each in called):
        advice = "It is a generator, whose body a call does not run. Use `return`, not `yield`."
        raise wrong(owner, parameter, function, advice)
    _require_one_parameter(owner, parameter, function, takes)


def _called(function: object) -> list[Any]:
    """What a call of it runs: itself, what it only passes the call on to, and the `__call__` of
    each."""
    found: list[Any] = [function]
    while (name := _PASSED_ON.get(type(found[-1]))) is not None:
        found.append(getattr(found[-1], name))
    return [*found, *(type(each).__call__ for each in found)]


_PASSED_ON: Final = {
    functools.partial: "func",
    functools._lru_cache_wrapper: "__wrapped__",
    staticmethod: "__func__",
}


def _require_one_parameter(
    owner: str, parameter: str, function: Callable[..., Any], takes: str
) -> None:
    try:
        signature = inspect.signature(function)
    except Exception:
        return  # some that are written in C have none, and some annotations can't be evaluated
    try:
        signature.bind(None)
    except TypeError as error:
        advice = f"It is called with one argument, the {takes}, and does not fit: {error}."
        raise wrong(owner, parameter, function, advice) from None


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


@functools.lru_cache(maxsize=256)  # those of the definitions, asked for with each attempt
def as_timedelta(value: Duration) -> timedelta:
    """`value` as a timedelta; numbers are seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
