"""How often, and after how long, an attempt is repeated. A policy is a value; it holds no state.

The delays grow exponentially to a cap, with jitter so that a thousand sagas that one outage
failed together do not come back together (Brooker, "Exponential Backoff And Jitter", 2015).
The jitter is not drawn: it is computed from the attempt's own key, so the machine stays pure and
a replayed history gives the same times.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zlib import crc32

from sagas.machine.failures import is_a
from sagas.machine.parameters import (
    MOST_FACTOR,
    DefinitionError,
    Duration,
    as_timedelta,
    require_duration,
    require_number,
    require_whole,
    wrong,
)

Errors = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again.

    `max_attempts` counts every claim, the first included: 1 means no retry, None no limit. No
    attempt begins later than `max_elapsed` after the first was due. The attempt after number n
    is due `backoff * factor ** (n - 1)` later, at most `cap`, give or take the part `jitter` of it
    (0 to 1). `on`, if given, names the only exceptions that are worth another attempt, `never_on`
    those that are not; an ended lease, where there is no exception, always is. Durations are
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
        require_number("Retry", "jitter", self.jitter, 0, 1, "Use a part between 0 and 1.")
        if self.on is not None:
            _require_errors("on", self.on)
        _require_errors("never_on", self.never_on)

    def repeats(self, error: BaseException) -> bool:
        """Whether an attempt that ended with `error` is worth another."""
        if is_a(error, self.never_on):
            return False
        return self.on is None or is_a(error, self.on)

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
