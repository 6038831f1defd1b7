"""Putting messages on the exchange, a batch at a time, each known to have arrived.

RabbitMQ confirms each message (https://www.rabbitmq.com/docs/confirms). The confirms of a batch
are awaited together: one by one, each would be a round trip and a write to disk. Redis has taken
a message when its LPUSH is answered.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from kombu.common import maybe_declare

from sagas.broker.batch import Message, batch_on
from sagas.broker.connection import ANSWER_LIMIT, BrokerError, End

BATCH_LIMIT: Final = 20.0
"""Seconds for all confirms of a batch: a RabbitMQ that is out of memory still has a heartbeat."""


class Publisher(End):
    """Puts messages on the exchange."""

    def _open(self, channel: Any) -> None:
        # By whoever publishes and whoever consumes: neither needs the other to have been.
        maybe_declare(self._bus.topic(), channel)
        self._channel = channel
        self._batch = batch_on(channel)
        self._confirms = _Confirms(channel) if self._bus.is_amqp else None

    def reaching(self, routing_keys: Iterable[str]) -> set[str]:
        """Those routing keys that somebody listens to, as far as the client can know: RabbitMQ does
        not tell. A message with another key need not be made at all."""
        return self._batch.reaching(self._bus.exchange, routing_keys)

    def publish(self, messages: Sequence[Message], exchange: str = "") -> None:
        """Returns once the broker has all of them, in this order. Raises for one that it has not,
        or may not have: then any of the batch may be there."""
        target = self._bus.topic(exchange)
        maybe_declare(target, self._channel)
        if self._confirms is not None:
            self._confirms.expect(len(messages))
        self._batch.publish(target.name, messages)
        if self._confirms is not None:
            self._confirms.wait(self._connection)


class _Confirms:
    """What a channel's broker has not confirmed yet, in whatever portions it does."""

    def __init__(self, channel: Any) -> None:
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        self._published = 0  # a channel numbers its messages from 1
        self._open: set[int] = set()
        self._refused = False

    def expect(self, count: int) -> None:
        """The next `count` messages are to be confirmed."""
        self._open.update(range(self._published + 1, self._published + count + 1))
        self._published += count

    def wait(self, connection: Any) -> None:
        """Until all are. Raises TimeoutError if the broker is silent, or `BrokerError`."""
        deadline = time.monotonic() + BATCH_LIMIT
        while self._open and not self._refused:
            if time.monotonic() > deadline:
                raise BrokerError(f"The broker left {len(self._open)} messages without an answer.")
            connection.drain_events(timeout=ANSWER_LIMIT)
        if self._refused:
            raise BrokerError("The broker refused a message: its queue is full, or it has no room.")

    def _on_ack(self, tag: int, multiple: bool) -> None:
        if multiple:
            self._open = {number for number in self._open if number > tag}
        else:
            self._open.discard(tag)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused = True
