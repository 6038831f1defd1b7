"""Moments on their way out of PostgreSQL: the same ones in every time zone (S13).

What a driver or the ORM makes of a `timestamptz` depends on USE_TZ, on TIME_ZONE of the settings
and of the database, and on what the session was told last. So SQL of our own hands moments out as
numbers, and what the ORM has read goes through `aware`. Moments go in with their offset. All of
them are in UTC here: Python adds to and compares times of any other zone by the clock on its wall.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def as_number(moment: str) -> str:
    """SQL for a `timestamptz`, given as SQL: in microseconds since 1970, for `from_number`."""
    return f"(extract(epoch FROM {moment}) * 1000000)::bigint"


def from_number(microseconds: int) -> datetime:
    """The moment that `as_number` stands for."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_number(moment: datetime) -> int:
    """The number that `from_number` makes this moment of."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def aware(moment: datetime) -> datetime:
    """What the ORM has read, with its zone. Without USE_TZ that is naive and in the project's own
    zone; of the hour that a night in autumn has twice, `fold` says which."""
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return moment.astimezone(UTC)
