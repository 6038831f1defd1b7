"""An event of a saga, as it goes to the bus. `sagas.bus.schema` describes the same."""

import json
import uuid
from functools import lru_cache
from hashlib import sha1
from typing import Any, Final

from sagas.broker.batch import Message
from sagas.bus.schema import VERSION
from sagas.machine.events import EVENT_TYPES
from sagas.queries import CommittedEvent
from sagas.services.calling import trace_id_of

_NAMESPACE: Final = uuid.UUID("0b3c9a52-6a6e-5d1c-9b56-9a1f0e7f3a11")
"""Any; it never changes, or repeats would get other ids (RFC 9562, 5.5)."""


def routing_key(event: CommittedEvent) -> str:
    """`<saga_type>.<event>`, as in `order_processing.step.succeeded`."""
    return f"{event.saga_type}.{event.type}"


def is_of_a_saga(key: str) -> bool:
    """Whether only the engine's relay may have sent what has that routing key."""
    return any(key.endswith(f".{name}") for name in EVENT_TYPES)


def event_id(event: CommittedEvent) -> str:
    """Made of the execution, too: a saga_id is free again once its saga was deleted.

    It is `uuid.uuid5(_NAMESPACE, …)`, for a fourth of its time.
    """
    name = f"{event.saga_id}:{event.execution_id}:{event.seq}"
    found = bytearray(sha1(_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    found[6] = found[6] & 0x0F | 0x50
    found[8] = found[8] & 0x3F | 0x80
    digits = found.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def envelope(event: CommittedEvent) -> dict[str, Any]:
    """The event as JSON, which `Envelope` describes."""
    found: dict[str, Any] = json.loads(message(event).body)
    return found


def message(event: CommittedEvent) -> Message:
    """The event as it goes to the exchange."""
    own_id = event_id(event)
    return Message(own_id, routing_key(event), _text(event, own_id).encode())


def _text(event: CommittedEvent, own_id: str) -> str:
    """Put together by hand: `data` is text already, and may be large."""
    saga, trace = _of_saga(event.saga_id, event.saga_type, event.version)
    return (
        f'{{"envelope": {VERSION}, "id": "{own_id}", {saga}, "seq": {event.seq}, '
        f'"event": {_json(event.type)}, "step": {_json(event.step)}, '
        f'"direction": {_json(event.direction)}, "attempt": {_json(event.attempt)}, '
        f'"status": {_json(event.status)}, "at": "{event.at.isoformat()}", "trace": "{trace}", '
        f'"data": {event.data}}}'
    )


@lru_cache(maxsize=1024)
def _of_saga(saga_id: str, saga_type: str, version: int) -> tuple[str, str]:
    """What all events of a saga say of it, and its trace. They come one after the other."""
    names = {"saga_id": saga_id, "saga_type": saga_type, "version": version}
    return json.dumps(names, ensure_ascii=False)[1:-1], trace_id_of(saga_id)


@lru_cache(maxsize=1024)
def _json(value: str | int | None) -> str:
    """The same few names of steps, types and statuses, again and again."""
    return json.dumps(value, ensure_ascii=False)
