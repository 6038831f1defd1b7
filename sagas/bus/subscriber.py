"""Taking messages from queues that are bound to the exchange.

On RabbitMQ they are quorum queues: replicated, and what is handed out in vain too often goes to
the dead-letter exchange (https://www.rabbitmq.com/docs/quorum-queues). On Redis they are Kombu's
lists with acknowledgements; never `fanout`, which is pub/sub and forgets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from kombu import Consumer, Exchange, Queue, binding

from sagas.broker.connection import Bus, End
from sagas.broker.garbage import DropCounter, NotOfTheMessage, drop_garbage

DELIVERY_LIMIT: Final = 20
"""Times that RabbitMQ hands a message out. Ours are counted in a table from the second on, so this
is for what never gets that far."""

HEARTBEAT: Final = 10
"""Seconds; after two without a word RabbitMQ hands out again what a lost consumer held."""

PREFETCH: Final = 10
"""Messages of a queue that a process holds: enough to hide the round trip of an ack."""


@dataclass(frozen=True, slots=True)
class Source:
    """A queue, and the routing keys that it wants of an exchange; of the bus's own if `""`."""

    queue: str
    patterns: Sequence[str]
    exchange: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it came: nothing of it has been believed, or even decoded.

    `repeated` says that the broker handed it out before. Call `ack` once it is dealt with.
    """

    queue: str
    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    headers: Mapping[str, Any]
    repeated: bool
    ack: Callable[[], None] = field(repr=False)


class Subscription(End):
    """Takes messages. What was not acknowledged when it is closed is handed out again."""

    def __init__(
        self, bus: Bus, sources: Sequence[Source], on_delivery: Callable[[Delivery], None]
    ) -> None:
        self._sources, self._on_delivery = sources, on_delivery
        self._dropped = DropCounter("the queues of events")
        super().__init__(bus, heartbeat=HEARTBEAT)

    def _open(self, channel: Any) -> None:
        channel.Message = _as_sent(channel.Message)
        drop_garbage(channel, self._dropped)
        self._consumers = [self._consume(channel, source) for source in self._sources]
        if self._bus.is_amqp:
            self._consumers.append(self._consume_dead(channel))

    def drain(self, timeout: float) -> None:
        """Hands over what is there, or comes within `timeout` seconds."""
        self._dropped.tell()
        try:
            self._connection.drain_events(timeout=timeout)
        except TimeoutError:
            self._connection.heartbeat_check()
        except NotOfTheMessage as error:
            raise error.error from None

    @property
    def dead_letter_exchange(self) -> Exchange:
        """Where RabbitMQ puts what it gives up."""
        return Exchange(f"{self._bus.exchange}.dead", type="topic", durable=True)

    def _consume(self, channel: Any, source: Source) -> Consumer:
        exchange = self._bus.topic(source.exchange)
        queue = Queue(
            source.queue,
            exchange=exchange,
            bindings=[binding(exchange, routing_key=pattern) for pattern in source.patterns],
            durable=True,
            queue_arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-dead-letter-exchange": self.dead_letter_exchange.name,
            },
        )
        return self._start(channel, queue)

    def _consume_dead(self, channel: Any) -> Consumer:
        exchange = self.dead_letter_exchange
        arguments = {"x-queue-type": "quorum"}
        queue = Queue(
            exchange.name, exchange, routing_key="#", durable=True, queue_arguments=arguments
        )
        return self._start(channel, queue)

    def _start(self, channel: Any, queue: Queue) -> Consumer:
        # Given whole to `on_message`, a message is not decoded by Kombu; what it finds wrong
        # before that comes by `on_decode_error`, which by default acknowledges it.
        receive = partial(self._receive, queue.name)
        consumer = Consumer(
            channel,
            [queue],
            on_message=receive,
            on_decode_error=lambda message, error: receive(message),
            prefetch_count=PREFETCH,
        )
        consumer.consume()
        return consumer

    def _receive(self, queue: str, message: Any) -> None:
        info = message.delivery_info or {}
        headers = message.headers if isinstance(message.headers, dict) else {}
        body = message.body
        delivery = Delivery(
            queue=queue,
            exchange=str(info.get("exchange") or ""),
            routing_key=str(info.get("routing_key") or ""),
            body=body if isinstance(body, bytes) else str(body).encode(errors="replace"),
            headers=headers,
            # RabbitMQ says so of the delivery, Kombu's Redis in the headers.
            repeated=bool(info.get("redelivered") or headers.get("redelivered")),
            ack=message.ack,
        )
        try:
            self._on_delivery(delivery)
        except Exception as error:
            raise NotOfTheMessage(error) from None


def _as_sent(kind: Any) -> Any:
    """Kombu's class of messages, but for its unpacking of compressed ones: before anybody has seen
    its size, a kilobyte becomes a gigabyte."""

    class RawMessage(kind):
        def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:
            of_amqp = getattr(payload, "properties", {}).get("application_headers")
            headers = payload.get("headers") if isinstance(payload, dict) else of_amqp
            if isinstance(headers, dict):
                headers.pop("compression", None)
            super().__init__(payload, channel=channel, **options)

    return RawMessage
