"""The two ends of the bus, on RabbitMQ and on Valkey alike."""

import json
import signal
from typing import Any

import pytest
from kombu import Consumer, Producer, Queue

from sagas.bus import BROKER_ERRORS, Bus, Delivery, Message, Publisher, Source, Subscription
from tests.realtime.brokers import Broker, Listener


def messages(count: int, key: str = "order_processing.saga.completed") -> list[Message]:
    return [Message(f"id-{n}", key, json.dumps({"n": n}).encode()) for n in range(count)]


def numbers(listener: Listener) -> list[int]:
    return [json.loads(delivery.body)["n"] for delivery in listener.heard]


def test_what_is_published_arrives_in_order(bus: Bus, listener: Listener) -> None:
    with Publisher(bus) as publisher:
        publisher.publish(messages(300))
        publisher.publish(messages(300))
        publisher.publish([])
    listener.hear(600)
    assert numbers(listener) == [*range(300), *range(300)]
    first = listener.heard[0]
    assert first.routing_key == "order_processing.saga.completed"
    assert first.exchange == bus.exchange
    assert first.repeated is False


def test_messages_of_any_size_go_in_one_batch(bus: Bus, listener: Listener) -> None:
    """Smaller and larger than a frame of RabbitMQ's (128 KiB), and than one write (1 MiB)."""
    sizes = [0, 100, 131_000, 131_072, 400_000, 2_000_000, 10]
    with Publisher(bus) as publisher:
        publisher.publish([Message(f"id-{n}", "x", b"1" * n) for n in sizes])
    assert [len(delivery.body) for delivery in listener.hear(len(sizes))] == sizes


def test_a_message_is_what_kombu_itself_would_send(bus: Bus, listener: Listener) -> None:
    message = Message("id-1", "shop.saga.completed", b'{"n": "\xc3\xbc"}')
    with bus.connect() as connection:
        Producer(connection, bus.topic()).publish(
            message.body,
            routing_key=message.routing_key,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode="persistent",
            message_id=message.id,
        )
        with Publisher(bus) as publisher:
            publisher.publish([message])
        found: list[Any] = []
        queue = Queue(f"{bus.exchange}.{listener.queue}", no_declare=True)
        listener.subscription.close()
        with Consumer(connection, [queue], on_message=found.append, no_ack=True):
            while len(found) < 2:
                connection.drain_events(timeout=10)
    for each in found:
        each.properties.pop("delivery_tag", None)
        each.delivery_info.pop("delivery_tag", None)
        each.properties.setdefault("application_headers", {})
        each.properties.setdefault("priority", 0)
    theirs, ours = found
    for name in ("body", "headers", "properties", "content_type", "content_encoding"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.delivery_info == theirs.delivery_info
    assert ours.delivery_tag != theirs.delivery_tag


def test_each_queue_gets_what_its_patterns_match(bus: Bus) -> None:
    one = Listener(bus, "one", ["shop.saga.*", "user.created"])
    other = Listener(bus, "other", ["shop.#"])
    keys = ["shop.saga.completed", "shop.step.succeeded", "user.created", "user.gone"]
    with Publisher(bus) as publisher:
        for key in keys:
            publisher.publish(messages(1, key))
    assert [d.routing_key for d in one.hear(2)] == ["shop.saga.completed", "user.created"]
    assert [d.routing_key for d in other.hear(2)] == keys[:2]
    for listener in (one, other):
        listener.rest()
        assert len(listener.heard) == 2
        listener.close()


def test_what_was_not_acknowledged_comes_again(bus: Bus) -> None:
    source = Source(f"{bus.exchange}.q", ["#"])
    got: list[Delivery] = []
    with Subscription(bus, [source], got.append) as first:
        with Publisher(bus) as publisher:
            publisher.publish(messages(1))
        while not got:
            first.drain(0.1)
    with Subscription(bus, [source], got.append) as second:
        while len(got) < 2:
            second.drain(0.1)
        got[1].ack()
    assert [delivery.repeated for delivery in got] == [False, True]


def test_to_publish_what_nobody_wants_is_no_error(bus: Bus) -> None:
    """And the publisher goes on: what comes after it arrives."""
    with Publisher(bus) as publisher:
        publisher.publish(messages(3))
        listener = Listener(bus, "late", ["#"])
        publisher.publish(messages(1))
    assert [json.loads(delivery.body)["n"] for delivery in listener.hear(1)] == [0]
    listener.close()


def test_a_broker_that_is_away_is_an_error_within_the_limit(broker: Broker) -> None:
    with Publisher(broker.bus) as publisher:
        broker.stop()
        try:
            with pytest.raises(BROKER_ERRORS):
                publisher.publish(messages(2))
            with pytest.raises(BROKER_ERRORS):
                Publisher(broker.bus)
        finally:
            broker.start()
    with Publisher(broker.bus) as publisher:
        publisher.publish(messages(1))


def test_a_message_that_would_grow_is_left_as_it_is(bus: Bus, listener: Listener) -> None:
    with bus.connect() as connection:
        exchange = bus.topic()(connection.default_channel)
        exchange.declare()
        producer = connection.Producer(exchange=exchange)
        producer.publish({"a": "b" * 1_000_000}, routing_key="x", compression="zlib")
    assert len(listener.hear(1)[0].body) < 10_000


def test_a_broker_that_says_nothing_is_an_error_within_the_limit(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sagas.broker.connection.ANSWER_LIMIT", 1.0)
    monkeypatch.setattr("sagas.broker.connection.CONNECT_LIMIT", 1.0)
    monkeypatch.setattr("sagas.bus.publisher.ANSWER_LIMIT", 1.0)
    listener = Listener(broker.bus)
    publisher = Publisher(broker.bus)
    broker.supervisor.kill(broker.name, signal.SIGSTOP)
    try:
        with pytest.raises(BROKER_ERRORS):
            publisher.publish(messages(1))
        with pytest.raises(BROKER_ERRORS):
            Publisher(broker.bus)
        publisher.close()
        listener.close()
    finally:
        broker.supervisor.kill(broker.name, signal.SIGCONT)
    with Publisher(broker.bus) as another:
        another.publish(messages(1))
