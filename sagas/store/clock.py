"""The database's clock, which all times are taken from (S13), and what this process knows of it.

To ask takes a round trip, as long as half a start. So who has asked a moment ago goes by that, and
the statement that it is for sees to it that it was right.
"""

from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from sagas.moments import as_number, from_number
from sagas.store import statements

TRUSTED_FOR: Final = 1.0
"""Seconds by which the time of a decision may be off the database's clock (S13). A lease allows
for three; a process that stood still for longer than this asks again."""

KNOWN_FOR: Final = 10.0
"""Seconds after which the clock is asked again."""

DRIFT: Final = timedelta(milliseconds=1)
"""What two clocks may have come to differ by after so long, if one goes wrong by a ten-thousandth,
as a quartz that nobody corrects. What is known is behind by that: a worker would refuse what is due
a moment ahead of the database's clock."""

_ASK: Final = f"SELECT {as_number('clock_timestamp()')}"


class _ClockReading(NamedTuple):
    moment: datetime
    at: float
    """By this process's own clock, which only measures what has gone by since."""


_heard: _ClockReading | None = None


def ask() -> datetime:
    """The database's clock."""
    global _heard
    [(moment,)] = statements.run(_ASK, {})
    _heard = _ClockReading(from_number(moment), monotonic())
    return _heard.moment


def known() -> datetime | None:
    """What it says by now, a millisecond less, if it was asked a moment ago."""
    if _heard is None:
        return None
    gone_by = monotonic() - _heard.at
    if not 0.0 <= gone_by <= KNOWN_FOR:
        return None
    return _heard.moment + timedelta(seconds=gone_by) - DRIFT


def forget() -> None:
    """For who was wrong by what is known: the next one asks."""
    global _heard
    _heard = None
