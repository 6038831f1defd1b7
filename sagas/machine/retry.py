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

from sagas.machine.durations import Duration, as_timedelta


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again.

    `max_attempts` counts every claim, the first included: 1 means no retry. The attempt after
    number n is due `backoff * factor ** (n - 1)` later, at most `cap`, give or take the part
    `jitter` of it (0 to 1). Durations are timedeltas or seconds.

    Raises `ValueError`, naming the parameter, for a policy that can't work.
    """

    max_attempts: int = 5
    backoff: Duration = 1.0
    factor: float = 2.0
    cap: Duration = 60.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(
                f"max_attempts is {self.max_attempts}: it counts the first try too; use 1 or more."
            )
        if as_timedelta(self.backoff) < timedelta(0):
            raise ValueError(f"backoff is {self.backoff}: use 0 or more seconds.")
        if self.factor < 1:
            raise ValueError(f"factor is {self.factor}: use 1 (constant) or more (growing).")
        if as_timedelta(self.cap) < as_timedelta(self.backoff):
            raise ValueError(f"cap is {self.cap}: use at least the backoff, {self.backoff}.")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is {self.jitter}: use a part between 0 and 1.")

    def delay(self, attempt: int, key: str) -> timedelta:
        """How long after failed attempt number `attempt` (from 1) the next one is due.

        `key` names the attempt's step; it decides the jitter and nothing else.
        """
        backoff, cap = as_timedelta(self.backoff), as_timedelta(self.cap)
        try:
            plain = min(backoff.total_seconds() * self.factor ** (attempt - 1), cap.total_seconds())
        except OverflowError:  # far beyond any cap
            plain = cap.total_seconds() if backoff else 0.0
        spread = 2 * crc32(f"{key}:{attempt}".encode()) / 0xFFFFFFFF - 1
        return timedelta(seconds=plain * (1 + self.jitter * spread))


PATIENT: Final = Retry(max_attempts=150, backoff=1.0, factor=2.0, cap=600.0, jitter=0.1)
"""For compensations: ten tries in the first quarter of an hour, then one each ten minutes, for
about a day. What was done must be undone; a participant's bad night is no reason to call a
person."""
