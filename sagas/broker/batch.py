"""Many messages in one go, for a fraction of what they cost one by one.

What a message looks like on its way is left to Kombu, so whoever takes it sees no difference. Fewer
are the writes to the broker, and the questions where a message belongs.
"""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple, Protocol

from amqp import spec
from amqp.serialization import dumps as amqp_dumps
from kombu.entity import PERSISTENT_DELIVERY_MODE
from kombu.transport import pyamqp, redis
from kombu.utils.json import dumps

from sagas.broker import internals

WRITE_SIZE: Final = 1 << 20
"""Bytes that are collected for one write to RabbitMQ."""

A_METHOD: Final = 1
"""The type of a frame (AMQP 0-9-1, 4.2.3)."""


class Outgoing(NamedTuple):
    """`message` is what the channel's `prepare_message` made. An empty exchange is the broker's
    own, by which a routing key is the name of a queue."""

    message: Any
    exchange: str
    routing_key: str


class Message(NamedTuple):
    """One of the bus: persistent. `body` is JSON in UTF-8; `id` is the same for every repeat."""

    id: str
    routing_key: str
    body: bytes


class Batch(Protocol):
    """A way to send many messages over one channel, for one thread."""

    def check(self) -> None:
        """Raises if the broker has closed the connection, as far as that can be seen for nothing.
        For who comes back to one after a while: what is written to it would be lost in silence."""

    def send(self, messages: Iterable[Outgoing]) -> None:
        """In this order. Raises what the broker's library raises; then any may be there."""

    def publish(self, exchange: str, messages: Iterable[Message]) -> None:
        """The same for messages of the bus, which differ in little."""

    def reaching(self, exchange: str, routing_keys: Iterable[str]) -> set[str]:
        """Those keys by which a message gets to some queue now, as far as the client can know."""


def batch_on(channel: Any) -> Batch:
    """The best that there is for the channel's broker."""
    if isinstance(channel, pyamqp.Channel):
        return _AmqpBatch(channel)
    if isinstance(channel, redis.Channel):
        return _RedisBatch(channel)
    return _OneByOne(channel)


class _OneByOne:
    """For the other transports."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def check(self) -> None:
        """Nothing is known of them."""

    def send(self, messages: Iterable[Outgoing]) -> None:
        for each in messages:
            self._channel.basic_publish(each.message, each.exchange, each.routing_key)

    def publish(self, exchange: str, messages: Iterable[Message]) -> None:
        self.send(
            Outgoing(_prepared(self._channel, each.body, each.id), exchange, each.routing_key)
            for each in messages
        )

    def reaching(self, exchange: str, routing_keys: Iterable[str]) -> set[str]:
        return set(routing_keys)


class _AmqpBatch:
    """RabbitMQ: py-amqp's own frames, but one write for many of them. Each write of its own would
    cost us a system call, and RabbitMQ the waking of a process."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        # All that their properties have in common, up to the id and its length.
        self._properties = internals.amqp_properties(_prepared(channel, b"", ""))[:-1]
        self._written = bytearray()
        self._write_frame = internals.amqp_frames(channel, self._written.extend)

    def check(self) -> None:
        if self._channel.connection is None:
            raise ConnectionError("The connection to RabbitMQ is closed.")
        with suppress(TimeoutError):  # nothing came
            self._channel.connection.drain_events(timeout=0)

    def send(self, messages: Iterable[Outgoing]) -> None:
        try:
            for each in messages:
                self._write(each)
                if len(self._written) >= WRITE_SIZE:
                    self._flush()
            self._flush()
        finally:
            self._written.clear()

    def publish(self, exchange: str, messages: Iterable[Message]) -> None:
        self.send(Outgoing(self._serialized(each), exchange, each.routing_key) for each in messages)

    def reaching(self, exchange: str, routing_keys: Iterable[str]) -> set[str]:
        return set(routing_keys)  # RabbitMQ tells no publisher of its bindings

    def _serialized(self, each: Message) -> internals.SerializedMessage:
        encoded = each.id.encode()
        properties = b"%b%c%b" % (self._properties, len(encoded), encoded)
        return internals.SerializedMessage(each.body, properties)

    def _write(self, each: Outgoing) -> None:
        arguments = _arguments(each.exchange, each.routing_key)
        channel_id = self._channel.channel_id
        self._write_frame(A_METHOD, channel_id, spec.Basic.Publish, arguments, each.message)

    def _flush(self) -> None:
        if self._written:
            self._channel.connection.transport.write(self._written)
            self._written.clear()


@lru_cache(maxsize=1024)
def _arguments(exchange: str, routing_key: str) -> bytes:
    found: bytes = amqp_dumps("Bssbb", (0, exchange, routing_key, False, False))
    return found


class _RedisBatch:
    """Redis and Valkey: one question for the bindings of an exchange, and one LPUSH for each queue,
    all in one round trip. Kombu asks for each message, and pushes each by itself."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._client = internals.redis_client(channel)

    def check(self) -> None:
        """The client looks after that itself, each time."""

    def send(self, messages: Iterable[Outgoing]) -> None:
        tables = _Tables(self._channel)
        values: dict[str, list[str]] = defaultdict(list)
        for message, exchange, routing_key in messages:
            if self._channel.typeof(exchange).type == "fanout":  # no queue, but pub/sub
                self._channel.basic_publish(message, exchange, routing_key)
            elif queues := tables.queues(exchange, routing_key):
                internals.address_redis_message(self._channel, message, exchange, routing_key)
                value = dumps(message)
                for queue in queues:
                    values[internals.redis_list(self._channel, queue, message)].append(value)
        self._push(values)

    def publish(self, exchange: str, messages: Iterable[Message]) -> None:
        tables, templates = _Tables(self._channel), dict[str, _MessageTemplate]()
        values: dict[str, list[str]] = defaultdict(list)
        for each in messages:
            if queues := tables.queues(exchange, each.routing_key):
                template = templates.get(each.routing_key)
                if template is None:
                    template = _MessageTemplate(self._channel, exchange, each.routing_key)
                    templates[each.routing_key] = template
                value = template.filled(each)
                for queue in queues:
                    values[queue].append(value)
        self._push(values)

    def _push(self, values: Mapping[str, Sequence[str]]) -> None:
        if values:
            with self._client.pipeline(transaction=False) as pipeline:
                for key, some in values.items():
                    pipeline.lpush(key, *some)
                pipeline.execute()

    def reaching(self, exchange: str, routing_keys: Iterable[str]) -> set[str]:
        tables = _Tables(self._channel)
        return {key for key in routing_keys if tables.queues(exchange, key)}


class _Tables:
    """Kombu's bindings of a few exchanges, each read once."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._tables: dict[str, Any] = {}
        self._found: dict[tuple[str, str], Sequence[str]] = {}

    def queues(self, exchange: str, routing_key: str) -> Sequence[str]:
        """The queues that a message goes to."""
        if not exchange:
            return (routing_key,)
        asked = exchange, routing_key
        if asked not in self._found:
            if exchange not in self._tables:
                self._tables[exchange] = self._channel.get_table(exchange)
            kind, table = self._channel.typeof(exchange), self._tables[exchange]
            found = kind.lookup(table, exchange, routing_key, None)
            self._found[asked] = sorted(filter(None, found))
        return self._found[asked]


class _MessageTemplate:
    """What Kombu makes of a message with that destination, but for the parts that are another in
    each."""

    def __init__(self, channel: Any, exchange: str, routing_key: str) -> None:
        message = _prepared(channel, b"", "@id@")
        internals.address_redis_message(channel, message, exchange, routing_key)
        message["body"], message["properties"]["delivery_tag"] = "@body@", "@tag@"
        # Any text that is nobody else's; Kombu makes one for each.
        self._tag, self._numbers = internals.redis_delivery_tag(channel), count()
        self._parts = re.split("@(id|body|tag)@", dumps(message))

    def filled(self, message: Message) -> str:
        """The same as `kombu.utils.json.dumps` would give for it."""
        parts = self._parts.copy()
        own = {
            "id": message.id,
            "body": b64encode(message.body).decode(),
            "tag": f"{self._tag}-{next(self._numbers)}",
        }
        parts[1::2] = [own[name] for name in parts[1::2]]
        return "".join(parts)


def _prepared(channel: Any, body: bytes, message_id: str) -> Any:
    properties = {"delivery_mode": PERSISTENT_DELIVERY_MODE, "message_id": message_id}
    return channel.prepare_message(
        body, content_type="application/json", content_encoding="utf-8", properties=properties
    )
