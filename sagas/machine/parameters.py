"""What the parameters of a definition may be, and the one that has parameters of its own: `Retry`.

Each is checked where it is written, and the error names whose it is, the parameter, its value, and
what to write instead.
"""

import functools
import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zlib import crc32

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

SHOWN: Final = 100
"""Characters of a value that an error shows."""

RESERVED: Final = ("saga_id", "idempotency_key", "action_key", "attempt", "deadline")
"""The keys that the engine adds to what an action is given."""

Duration = timedelta | float
"""A timedelta, or a number of seconds."""


class DefinitionError(ValueError):
    """A definition that can't work: what is wrong with it, and what to write instead."""


def shown(value: object) -> str:
    """`repr(value)`, cut to what fits a line; its type if that raises."""
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


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


def require_whole(owner: str, parameter: str, value: object, advice: str) -> None:
    """Raises `DefinitionError` for what is no whole number from 1, or too large for its column."""
    if type(value) is not int or not 1 <= value <= MOST:
        raise wrong(owner, parameter, value, f"{advice}; a whole number up to {MOST:,}.")


def require_number(
    owner: str, parameter: str, value: object, least: float, most: float, advice: str
) -> None:
    """Raises `DefinitionError` for what is no number from `least` to `most`."""
    if not is_number(value) or not least <= value <= most:  # type: ignore[operator]  # it is one
        raise wrong(owner, parameter, value, advice)


def require_duration(
    owner: str, parameter: str, value: object, *, may_be_zero: bool = False
) -> None:
    """Raises `DefinitionError` for what is no duration, and for one that no calendar reaches."""
    least = "use 0 or more" if may_be_zero else "Give a positive number of"
    advice = f"{least} seconds, or a timedelta; {LONGEST.days:,} days at most."
    if not isinstance(value, timedelta) and not is_number(value):
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


def require_function(
    owner: str,
    parameter: str,
    function: object,
    takes: str = "context",
    *,
    not_async: str = "It is an async function, which is not awaited here. Write it with `def`.",
) -> None:
    """Raises `DefinitionError` for what can't be called with one argument. `not_async` says why it
    has to give its result at once; empty if it need not."""
    if not callable(function):
        raise wrong(owner, parameter, function, f"Pass a function that takes the {takes}.")
    if isinstance(function, type):
        advice = f"It is a class: pass a function that takes the {takes}, or an object of it."
        raise wrong(owner, parameter, function, advice)
    called = _called(function)
    if not_async and any(map(inspect.iscoroutinefunction, called)):
        raise wrong(owner, parameter, function, not_async)
    generators = inspect.isgeneratorfunction, inspect.isasyncgenfunction
    if any(is_one(each) for is_one in generators for each in called):
        advice = (
            "It is a generator, and calling it does not run its body. Use `return`, not `yield`."
        )
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


def is_number(value: object) -> bool:
    """Whether it is a finite number; True and False are none."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


@functools.lru_cache(maxsize=256)  # those of the definitions, asked for with each attempt
def as_timedelta(value: Duration) -> timedelta:
    """`value` as a timedelta; numbers are seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


Errors = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again. A policy is a value; it holds no state.

    The delays grow exponentially up to a cap. Jitter keeps a thousand sagas that failed in the
    same outage from retrying together (Brooker, "Exponential Backoff And Jitter", 2015). The
    jitter is not random: it is computed from the attempt's own key, so the machine stays pure and
    a replayed history gives the same times.

    `max_attempts` counts every claim, including the first: 1 means no retry, None means no limit.
    No attempt begins later than `max_elapsed` after the first was due. The attempt after number n
    is due `backoff * factor ** (n - 1)` later, at most `cap`, plus or minus the fraction `jitter`
    of it (0 to 1). `on`, if given, lists the only exceptions that are retried; `never_on` lists
    those that are not. An expired lease has no exception, and is always retried. Durations are
    timedeltas or seconds.

    Raises `DefinitionError`, naming the parameter, for a policy that can't work.
    """

    max_attempts: int | None = 5
    max_elapsed: Duration | None = None
    backoff: Duration = 1.0
    factor: float = 2.0
    cap: Duration = 60.0
    jitter: float = 0.1
    on: Errors | None = None
    never_on: Errors = ()

    def __post_init__(self) -> None:
        if self.max_attempts is not None:
            advice = "It counts the first try too; use 1 or more"
            require_whole("Retry", "max_attempts", self.max_attempts, advice)
        if self.max_elapsed is not None:
            require_duration("Retry", "max_elapsed", self.max_elapsed)
        if self.max_attempts is None and self.max_elapsed is None:
            raise DefinitionError(
                "Retry: max_attempts and max_elapsed are both None. Limit one of them."
            )
        require_duration("Retry", "backoff", self.backoff, may_be_zero=True)
        require_duration("Retry", "cap", self.cap, may_be_zero=True)
        if as_timedelta(self.cap) < as_timedelta(self.backoff):
            raise wrong("Retry", "cap", self.cap, f"Use at least the backoff, {self.backoff}.")
        advice = f"use 1 (constant) or more (growing), up to {MOST_FACTOR:,.0f}."
        require_number("Retry", "factor", self.factor, 1, MOST_FACTOR, advice)
        require_number("Retry", "jitter", self.jitter, 0, 1, "Use a fraction between 0 and 1.")
        if self.on is not None:
            _require_errors("on", self.on)
        _require_errors("never_on", self.never_on)

    def repeats(self, error: BaseException) -> bool:
        """Whether an attempt that ended with `error` is worth another."""
        if issubclass(type(error), self.never_on):  # as `failures.is_a`
            return False
        return self.on is None or issubclass(type(error), self.on)

    def allows(self, attempts: int, elapsed: timedelta) -> bool:
        """Whether another attempt may follow `attempts` of them, `elapsed` after the first."""
        if self.max_attempts is not None and attempts >= self.max_attempts:
            return False
        return self.max_elapsed is None or elapsed <= as_timedelta(self.max_elapsed)

    def delay(self, attempt: int, key: str) -> timedelta:
        """How long after failed attempt number `attempt` (from 1) the next one is due.

        `key` names the attempt's step; it decides the jitter and nothing else.
        """
        backoff, cap = as_timedelta(self.backoff), as_timedelta(self.cap)
        try:
            grown = backoff.total_seconds() * float(self.factor) ** (attempt - 1)
            plain = min(grown, cap.total_seconds())
        except OverflowError:  # far beyond any cap
            plain = cap.total_seconds() if backoff else 0.0
        spread = 2 * crc32(f"{key}:{attempt}".encode()) / 0xFFFFFFFF - 1
        return timedelta(seconds=plain * (1 + self.jitter * spread))


def _require_errors(parameter: str, errors: object) -> None:
    advice = "Use a tuple of exception classes."
    if not isinstance(errors, tuple):
        raise wrong("Retry", parameter, errors, advice)
    for error in errors:
        if not isinstance(error, type) or not issubclass(error, BaseException):
            raise wrong("Retry", f"an entry of {parameter}", error, advice)


PATIENT: Final = Retry(max_attempts=None, max_elapsed=timedelta(days=1), cap=600.0)
"""For compensations, and for steps after the pivot: ten tries in the first quarter of an hour,
then one each ten minutes, for a day. What was done must be undone, what was promised be done; a
participant's bad night is no reason to call a person."""

HELD_BACK: Final = Retry(backoff=0.5, cap=4.0, jitter=0.25)
"""When to look again after an attempt that could not even begin; its limits are not asked, those
of the step's own policy are. The cap is how long a step stands still, give or take a second, after
its service has come back. Less would claim and report in vain, once for each held saga."""
