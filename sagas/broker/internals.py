"""What the engine uses of Celery, Kombu, billiard and py-amqp that they don't document.

All of it is here, as it was read in celery 5.5 to 5.7, kombu 5.5 to 5.7, billiard 4.2 to 4.3 and
py-amqp 5.3 to 5.4. The tests in `tests/broker` fail by name when one of them changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amqp.method_framing import frame_writer


def redis_client(channel: Any) -> Any:
    """A client of redis-py over the pool of a Kombu channel, which makes one for each message. The
    channel's own `client` is the one that waits for messages."""
    return channel._create_client()


def address_redis_message(channel: Any, message: Any, exchange: str, routing_key: str) -> None:
    """Writes into a prepared message where it goes, as Kombu does when it publishes it."""
    channel._inplace_augment_message(message, exchange, routing_key)


def redis_list(channel: Any, queue: str, message: Any) -> str:
    """The Redis list that a message for `queue` is pushed to: Kombu has one for each priority."""
    name: str = channel._q_for_pri(queue, channel._get_message_priority(message))
    return name


def redis_delivery_tag(channel: Any) -> str:
    """A tag by which Kombu tells one delivery from another."""
    return str(channel._next_delivery_tag())


def amqp_properties(message: Any) -> bytes:
    """The properties of a prepared message, as they stand in its header frame."""
    properties: bytes = message._serialize_properties()
    return properties


class SerializedMessage:
    """In the place of py-amqp's message: its properties are serialized already."""

    __slots__ = ("_properties", "body")

    def __init__(self, body: bytes, properties: bytes) -> None:
        self.body, self._properties = body, properties

    def _serialize_properties(self) -> bytes:
        return self._properties


def amqp_frames(channel: Any, write: Callable[[memoryview], None]) -> Callable[..., None]:
    """What writes a method with its message, as the frames of AMQP 0-9-1, by `write`."""
    frames: Callable[..., None] = frame_writer(channel.connection, _Transport(write))
    return frames


@dataclass(frozen=True, slots=True)
class _Transport:
    """In the place of py-amqp's transport, of which a frame writer asks no more."""

    write: Callable[[memoryview], None]


def cancel_time_limits(request: Any) -> None:
    """Takes a task that a process of a prefork pool has begun out of the pool's own time limits:
    they would be those of all tasks, and strike what has ended long ago after the main process was
    blocked (celery.concurrency.asynpool). A pool without them has no such handle."""
    result = request._apply_result and request._apply_result()
    if cancel := getattr(result, "_on_timeout_cancel", None):
        cancel(result)


def write_to_processes(pool: Any, hub: Any) -> None:
    """Has the main loop of a prefork worker write to its processes what is there for them, with
    its present turn. A pool without such pipes is left to Celery, which writes in the next one."""
    if pipes := getattr(getattr(pool, "_pool", None), "_all_inqueues", None):
        hub.consolidate_callback(list(pipes))
