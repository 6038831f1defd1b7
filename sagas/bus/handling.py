"""Calling a handler for an event, so that its effect is there once however often it comes."""

from collections.abc import Callable
from typing import Final

from django.db import connection, transaction

from sagas.bus.events import Event, Handler
from sagas.bus.models import HandledEvent

KEPT: Final = 30 * 24 * 3600.0
"""Seconds for which a handled event is known. A repeat that is later has its effect again: longer
than a broker is away, or a message waits for anybody."""

PRUNE_BATCH: Final = 10_000
"""Rows to a deletion: some hundred milliseconds."""

NOTE = """
-- Waits for another process that is at the same event, and then inserts nothing.
INSERT INTO sagas_bus_handledevent (handler, event_id, handled_at)
VALUES (%s, %s, clock_timestamp()) ON CONFLICT DO NOTHING
"""

PRUNE = """
DELETE FROM sagas_bus_handledevent WHERE (handler, event_id) IN (
    SELECT handler, event_id FROM sagas_bus_handledevent
    WHERE handled_at < clock_timestamp() - make_interval(secs => %s) LIMIT %s
)
"""


def handle(handler: Handler, event: Event, then: Callable[[], object] = lambda: None) -> bool:
    """Calls the handler, unless its effect is there; whether it did. Raises what it raises.

    `then` is called in the same transaction as the note that it was handled, or was before.
    """
    if handler.atomic:
        with transaction.atomic(durable=True):
            is_new = _note(handler, event)
            if is_new:
                handler.function(event)
            then()
        return is_new
    is_new = not HandledEvent.objects.filter(handler=handler.name, event_id=event.noted_as).exists()
    if is_new:
        handler.function(event)
    with transaction.atomic(durable=True):
        _note(handler, event)
        then()
    return is_new


def prune() -> int:
    """Forgets what was handled long ago; how many were."""
    with connection.cursor() as cursor:
        cursor.execute(PRUNE, [KEPT, PRUNE_BATCH])
        return int(cursor.rowcount)


def _note(handler: Handler, event: Event) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [handler.name, event.noted_as])
        return bool(cursor.rowcount)
