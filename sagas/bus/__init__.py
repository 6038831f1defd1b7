"""The event bus: a durable topic exchange on RabbitMQ, Redis or Valkey, by way of Kombu.

`Publisher` and `Subscription` are the two ends. What is sent is at least once: whoever listens
knows a repeat by the message's id. Neither touches Kombu's pools, so nothing is shared by a fork.
"""

from sagas.broker.batch import Message
from sagas.broker.connection import BROKER_ERRORS, BrokerError, Bus
from sagas.bus.publisher import Publisher
from sagas.bus.subscriber import Delivery, Source, Subscription

__all__ = [
    "BROKER_ERRORS",
    "BrokerError",
    "Bus",
    "Delivery",
    "Message",
    "Publisher",
    "Source",
    "Subscription",
]
