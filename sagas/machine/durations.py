"""Durations as the definitions take them: a `timedelta`, or a number of seconds."""

from datetime import timedelta

Duration = timedelta | float


def as_timedelta(value: Duration) -> timedelta:
    """`value` as a timedelta; numbers are seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
