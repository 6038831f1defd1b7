"""An event of a saga, as it goes to the bus. `realtime.bus.schema` describes the same."""

import json
import uuid
from typing import Any, Final

from clients.calling import trace_id_of
from realtime.bus.publishing import Message
from realtime.bus.schema import VERSION
from sagas.machine.events import EVENT_TYPES
from sagas.queries import CommittedEvent

_NAMESPACE: Final = uuid.UUID("0b3c9a52-6a6e-5d1c-9b56-9a1f0e7f3a11")
"""Any; it never changes, or repeats would get other ids (RFC 9562, 5.5)."""


def routing_key(event: CommittedEvent) -> str:
    """`<saga_type>.<event>`, as in `order_processing.step.succeeded`."""
    return f"{event.saga_type}.{event.type}"


def is_of_a_saga(key: str) -> bool:
    """Whether only the engine's relay may have sent what has that routing key."""
    return any(key.endswith(f".{name}") for name in EVENT_TYPES)


def event_id(event: CommittedEvent) -> str:
    """Made of the execution, too: a saga_id is free again once its saga was deleted."""
    return str(uuid.uuid5(_NAMESPACE, f"{event.saga_id}:{event.execution_id}:{event.seq}"))


def envelope(event: CommittedEvent) -> dict[str, Any]:
    """The event as JSON, which `Envelope` describes."""
    return {
        "envelope": VERSION,
        "id": event_id(event),
        "saga_id": event.saga_id,
        "saga_type": event.saga_type,
        "version": event.version,
        "seq": event.seq,
        "event": event.type,
        "step": event.step,
        "direction": event.direction,
        "attempt": event.attempt,
        "status": event.status,
        "at": event.at.isoformat(),
        "trace": trace_id_of(event.saga_id),
        "data": event.data,
    }


def message(event: CommittedEvent) -> Message:
    """The event as it goes to the exchange."""
    found = envelope(event)
    return Message(found["id"], routing_key(event), json.dumps(found, ensure_ascii=False).encode())
