"""What stands in a Redis list, or is published, and is no message of Kombu's (R24).

Kombu takes it off the list before it looks at it, and what it then raises (read in kombu 5.5 to
5.7: `Channel._brpop_read` and `_receive`, `virtual.Message`, `QoS.append`) reaches whoever waits
for messages: it ends a Celery worker. Kombu has no hook for that. But each channel has a table of
what reads its answers, and this puts itself between the two.
"""

import logging
import time
from collections.abc import Callable, Iterable
from queue import Empty
from typing import Any, Final

logger = logging.getLogger(__name__)

SHOWN: Final = 80
"""Characters of garbage that are shown."""


INTERVAL: Final = 30.0
"""Seconds between two lines of the log, however much there is."""


class DropCounter:
    """Counts what was dropped, and says so: the first at once, then how many in a while."""

    def __init__(self, where: str) -> None:
        self._where, self._untold, self._tell_at = where, 0, 0.0
        self.count = 0
        """Of all, since this process began."""

    def __call__(self, reason: str) -> None:
        self.count += 1
        self._untold += 1
        if time.monotonic() >= self._tell_at:
            self._tell(f" The last one: {reason}")

    def tell(self) -> None:
        """If there is something that was not told yet. To be called now and then."""
        if self._untold and time.monotonic() >= self._tell_at:
            self._tell()

    def _tell(self, last: str = "") -> None:
        logger.error(
            "Dropped from %s: %s invalid messages, %s since the start.%s",
            self._where,
            self._untold,
            self.count,
            last,
        )
        self._untold, self._tell_at = 0, time.monotonic() + INTERVAL


class NotOfTheMessage(Exception):
    """The message could be read: it is its receiver that ran into `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__(repr(error))
        self.error = error


def drop_garbage(channel: Any, dropped: Callable[[str], object]) -> None:
    """From now on what is no message does not raise: `dropped` is told why, in a short text. Only
    for the receivers of messages that raise errors of the connection or `NotOfTheMessage`. Other
    brokers' channels are left as they are: their messages have an envelope of the broker's own.
    """
    readers = getattr(channel, "handlers", {})
    for answer in {"BRPOP", "LISTEN"} & readers.keys():
        if not isinstance(readers[answer], _Reader):
            readers[answer] = _Reader(channel, readers[answer], dropped)


def reason(error: Exception) -> str:
    """Why something is no message, and how it begins if that is known."""
    try:
        text, doc = str(error)[:SHOWN], getattr(error, "doc", "")
    except Exception:
        text, doc = "", ""
    return f"{type(error).__name__}: {text}" + (f" in {doc[:SHOWN]!r}" if doc else "")


def of_connection(errors: Iterable[type[Exception]]) -> tuple[type[Exception], ...]:
    """Kombu's errors of a connection, without the KeyError that it counts among those of Redis: a
    message that lacks something must not cost the connection."""
    return tuple(error for error in errors if error is not KeyError)


class _Reader:
    def __init__(
        self, channel: Any, read: Callable[..., Any], dropped: Callable[[str], object]
    ) -> None:
        self._read, self._dropped = read, dropped
        # An answer of the server's that says no is for whoever asked it. DataError is of redis-py:
        # the tag of a message can't be noted.
        self._others = (
            Empty,
            NotOfTheMessage,
            *of_connection(channel.connection_errors),
            channel.ResponseError,
        )

    def __call__(self, **options: Any) -> Any:
        try:
            return self._read(**options)
        except self._others:
            raise
        except Exception as error:
            self._dropped(reason(error))
            return True
