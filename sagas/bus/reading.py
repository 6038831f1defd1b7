"""From a message to an event. Whoever reaches the broker can send anything, so nothing is believed.

An event of a saga is taken from the database, whatever the message says: it may only name one
that is there. By the bus's own exchange, what has a saga's event in its routing key claims to be
one, and so does what has a `saga_id` and a `seq`. What comes from other services is theirs to
say; it only has to be readable.
"""

import json
from typing import Any, Final

from sagas import queries
from sagas.bus.envelope import envelope, is_of_a_saga, routing_key
from sagas.bus.events import Event
from sagas.bus.models import EVENT_ID_LENGTH

BODY_LIMIT: Final = 1024 * 1024
"""Bytes: four times a context's limit, which is the most that an event of ours has in it."""


class UnreadableMessage(Exception):
    """A message that is no event; says why."""


def read(key: str, body: bytes, *, is_ours: bool) -> Event:
    """The event in a message. `is_ours`: it comes by the bus's own exchange, where events of sagas
    are those of this database. Raises `Unreadable`."""
    if len(body) > BODY_LIMIT:
        raise UnreadableMessage(f"It has {len(body)} bytes, and at most {BODY_LIMIT} are allowed.")
    try:
        found = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage(f"It is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableMessage("It is not a JSON object.")
    is_claimed = is_of_a_saga(key) or {"saga_id", "seq"} <= found.keys()
    if is_ours and is_claimed:
        found = _from_database(key, found)
    event_id = found.get("id")
    if not isinstance(event_id, str) or not _can_be_id(event_id):
        raise UnreadableMessage(
            f"Its id is not a string of 1 to {EVENT_ID_LENGTH} printable characters."
        )
    return Event(event_id, key, found, is_ours and is_claimed)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON (RFC 8259, 6).")


def _can_be_id(text: str) -> bool:
    return 0 < len(text) <= EVENT_ID_LENGTH and text.isprintable()


def _from_database(key: str, claimed: dict[str, Any]) -> dict[str, Any]:
    saga_id, seq = claimed.get("saga_id"), claimed.get("seq")
    if isinstance(saga_id, str) and isinstance(seq, int):
        event = queries.committed_event(saga_id, seq)
        if event is not None and routing_key(event) == key:
            found = envelope(event)
            if found["id"] == claimed.get("id"):
                return found
    raise UnreadableMessage(
        "The database has no such event: it is forged, or its saga was deleted."
    )
