"""Messages that could not be dealt with, in a table: those that are tried again, and the dead.

The delay before a retry is in the row and not in a broker or a process: it holds up nothing else,
survives everybody, and is the same on every broker.
"""

import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from sagas.bus import Delivery
from sagas.bus.models import HANDLER_LENGTH, KEY_LENGTH, DeadLetter
from sagas.bus.reading import BODY_LIMIT

PAUSES: Final = (1.0, 300.0)
"""Seconds before the first retry, doubled with each one up to the last."""

LEASE: Final = 60.0
"""Seconds for which a letter that is being tried is left alone: longer than any transaction of a
handler lasts. If its process dies, the next try begins after them."""

KEPT_OF_OVERSIZED: Final = 4096
"""Bytes that are kept of a body beyond `BODY_LIMIT`: enough to see whose it is."""

TEXT_LIMIT: Final = 20_000
"""Characters of a reason, of a traceback, of the headers."""

UNREADABLE_KEPT: Final = 30 * 24 * 3600.0
"""Seconds for which letters that are no events are kept. Those that are, are kept until a person
has dealt with them."""

KEEP = """
INSERT INTO sagas_bus_deadletter
    (handler, event_id, exchange, routing_key, headers, body, size, reason, traceback, tries,
     retry_at, created_at, updated_at)
VALUES (%(handler)s, %(event_id)s, %(exchange)s, %(routing_key)s, %(headers)s, %(body)s, %(size)s,
        %(reason)s, %(traceback)s, %(tries)s,
        clock_timestamp() + make_interval(secs => %(seconds)s), clock_timestamp(),
        clock_timestamp())
-- The same event once more: the letter that is there stands for it.
ON CONFLICT DO NOTHING
"""

CLAIM = """
UPDATE sagas_bus_deadletter
SET tries = tries + 1, updated_at = clock_timestamp(),
    retry_at = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE id = (
    SELECT id FROM sagas_bus_deadletter
    WHERE retry_at <= clock_timestamp() AND handler = ANY(%(handlers)s)
    ORDER BY retry_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""

FAILED = """
UPDATE sagas_bus_deadletter
SET reason = %(reason)s, traceback = %(traceback)s, updated_at = clock_timestamp(),
    retry_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message is kept. `seconds` is how long until it is tried again; None: it is dead."""

    reason: str
    traceback: str = ""
    seconds: float | None = None

    @classmethod
    def of(cls, error: BaseException, tries: int, max_tries: int) -> "Failure":
        """What follows from a handler's error at its try number `tries`."""
        seconds = min(PAUSES[0] * 2 ** (tries - 1), PAUSES[1]) if tries < max_tries else None
        lines = "".join(traceback.format_exception(error, limit=50))
        return cls(f"{type(error).__name__}: {error}", lines, seconds)


def keep(
    handler: str, delivery: Delivery, failure: Failure, *, event_id: str = "", tries: int = 0
) -> None:
    """Puts a message into the table. After that it may be acknowledged."""
    size = len(delivery.body)
    values: dict[str, Any] = {
        "handler": _storable(handler, HANDLER_LENGTH),
        "event_id": event_id,
        "exchange": _storable(delivery.exchange, KEY_LENGTH),
        "routing_key": _storable(delivery.routing_key, KEY_LENGTH),
        "headers": _storable(_as_json(delivery.headers), TEXT_LIMIT),
        "body": delivery.body if size <= BODY_LIMIT else delivery.body[:KEPT_OF_OVERSIZED],
        "size": size,
        "tries": tries,
    }
    with connection.cursor() as cursor:
        cursor.execute(KEEP, values | _of_failure(failure))


def claim(handlers: Sequence[str]) -> DeadLetter | None:
    """The letter of one of these handlers that is longest due, for one more try; counted, so that
    one that kills each process that tries it comes to an end."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"lease": LEASE, "handlers": list(handlers)})
        row = cursor.fetchone()
    return None if row is None else DeadLetter.objects.filter(pk=row[0]).first()


def failed(letter: DeadLetter, failure: Failure) -> None:
    """Notes why it failed, and when it is tried again, if it is."""
    with connection.cursor() as cursor:
        cursor.execute(FAILED, _of_failure(failure) | {"id": letter.pk})


def replay(letters: QuerySet[DeadLetter]) -> int:
    """Lets the consumers try these dead letters again from the first try on; how many. Those whose
    body was too large to keep stay dead."""
    whole = letters.filter(retry_at=None, size__lte=BODY_LIMIT)
    return whole.update(tries=0, retry_at=Now(), updated_at=Now())


def dead() -> QuerySet[DeadLetter]:
    """All that wait for a person, the oldest first."""
    return DeadLetter.objects.filter(retry_at=None).order_by("id")


def prune() -> int:
    """Deletes unreadable letters of long ago; how many."""
    long_ago = Now() - timedelta(seconds=UNREADABLE_KEPT)
    return dead().filter(event_id="", created_at__lt=long_ago).delete()[0]


def _of_failure(failure: Failure) -> dict[str, Any]:
    return {
        "reason": _storable(failure.reason, TEXT_LIMIT),
        "traceback": _storable(failure.traceback, TEXT_LIMIT),
        "seconds": failure.seconds,
    }


def _as_json(headers: Mapping[str, Any]) -> str:
    try:
        return json.dumps(headers, default=repr) if headers else ""
    except (ValueError, TypeError, RecursionError) as error:
        return f"They can't be shown: {error!r}"


def _storable(text: str, limit: int) -> str:
    """What PostgreSQL takes: no NUL, and no half of a surrogate pair."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "␀")[:limit]
