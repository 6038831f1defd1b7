"""Durations as the definitions take them: a `timedelta`, or a number of seconds."""

from datetime import timedelta
from functools import lru_cache

Duration = timedelta | float


@lru_cache(maxsize=256)  # those of the definitions, asked for with each attempt
def as_timedelta(value: Duration) -> timedelta:
    """`value` as a timedelta; numbers are seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
