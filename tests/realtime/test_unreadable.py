"""Forged and garbled messages, on both brokers: no effect, and nobody is held up."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sagas import queries
from sagas.bus import Bus, Message, dead_letters
from sagas.bus.envelope import message
from sagas.bus.events import Event
from sagas.bus.models import DeadLetter
from tests.realtime.brokers import Broker
from tests.realtime.consumers import consuming, declare, event, handler, publish
from tests.realtime.probe.handlers import effects, leave_effect
from tests.realtime.sagas_of_tests import start
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


def forged(change: Callable[[dict[str, Any]], None]) -> bytes:
    """The first event of the saga `real`, changed."""
    found = queries.committed_event("real", 1)
    assert found is not None
    body = json.loads(message(found).body)
    change(body)
    return json.dumps(body).encode()


def unreadable() -> dict[str, Message]:
    ours = "shop.saga.started"
    bodies: dict[str, tuple[str, bytes]] = {
        "empty": ("x", b""),
        "half": ("x", b'{"id": "h'),
        "no object": ("x", b'["id"]'),
        "a number": ("x", b"1"),
        "no UTF-8": ("x", b'{"id": "\xff\xfe"}'),
        "not a number": ("x", b'{"id": "n", "data": NaN}'),
        "deep": ("x", b"[" * 100_000),
        "long number": ("x", b"9" * 10_000),
        "no id": ("x", b"{}"),
        "id is a number": ("x", b'{"id": 1}'),
        "id is empty": ("x", b'{"id": ""}'),
        "id with NUL": ("x", b'{"id": "a\\u0000"}'),
        "id is half a pair": ("x", b'{"id": "\\ud800"}'),
        "id is long": ("x", json.dumps({"id": "i" * 201}).encode()),
        "oversized": ("x", json.dumps({"id": "o", "data": "x" * 2_000_000}).encode()),
        "no such saga": (ours, json.dumps({"id": "a", "saga_id": "no", "seq": 1}).encode()),
        "NUL in the saga's id": (ours, b'{"id": "a", "saga_id": "\\u0000", "seq": 1}'),
        "seq is a text": (ours, b'{"id": "a", "saga_id": "real", "seq": "1"}'),
        "seq is huge": (ours, b'{"id": "a", "saga_id": "real", "seq": 99999999999999999999}'),
        "another id": (ours, forged(lambda body: body.update(id="a"))),
        "another event": ("shop.saga.completed", forged(lambda body: None)),
        "another type": ("other.saga.started", forged(lambda body: None)),
        "another key": ("shop.saga.started.x", forged(lambda body: None)),
    }
    return {name: Message("m", key, body) for name, (key, body) in bodies.items()}


def test_what_can_not_be_read_is_kept_and_has_no_effect(bus: Bus) -> None:
    start("real")
    bad = unreadable()
    with consuming(bus, handler(leave_effect)):
        publish(bus, *bad.values(), event("good"))
        wait_until(lambda: effects("good") == 1)
    assert effects() == 1
    assert dead_letters.dead().count() == DeadLetter.objects.count() == len(bad)
    oversized = DeadLetter.objects.get(size__gt=1_000_000)
    assert len(bytes(oversized.body)) == dead_letters.KEPT_OF_OVERSIZED
    assert dead_letters.replay(DeadLetter.objects.filter(pk=oversized.pk)) == 0


def test_nobody_can_pass_for_a_sagas_event_that_is_yet_to_come(bus: Bus) -> None:
    execution_id = start("real")
    first = queries.committed_event("real", 1)
    assert first is not None
    known = json.loads(message(first).body)["id"]
    with consuming(bus, handler(leave_effect)):
        publish(bus, event(known, "x"))
        wait_until(lambda: effects(known) == 1)
        publish(bus, message(first), message(first))
        wait_until(lambda: effects(known) == 2)
        publish(bus, event("end", "x"))
        wait_until(lambda: effects("end") == 1)
    assert effects(known) == 2, f"each once, of execution {execution_id}"


def test_the_own_exchange_by_its_name_is_not_believed_either(bus: Bus) -> None:
    start("real")
    lie = forged(lambda body: body.update(id="a"))
    with consuming(bus, handler(leave_effect, exchange=bus.exchange)):
        publish(bus, Message("m", "shop.saga.started", lie), event("good"))
        wait_until(lambda: effects("good") == 1)
    assert effects() == dead_letters.dead().count() == 1


def test_whatever_a_forged_event_says_the_database_is_believed(bus: Bus) -> None:
    heard: list[Event] = []
    start("real")
    lie = forged(lambda body: body.update(data={"context": {"for": "me"}}, status="completed"))
    with consuming(bus, handler(heard.append)):
        publish(bus, Message("m", "shop.saga.started", lie))
        wait_until(lambda: heard)
    assert heard[0].body["status"] == "pending"
    assert heard[0].data["context"] == {"for": "real"}


def test_garbage_in_the_list_itself_stops_nobody(valkey: Broker) -> None:
    bus = Bus(valkey.bus.url, "test-garbage")
    own = handler(leave_effect)
    declare(bus, own)
    with bus.connect() as redis:
        client = redis.default_channel.client
        for garbage in (b"\xff", b"x", b"{}", b"[]", b'{"properties": 1}', b'{"properties": {}}'):
            client.lpush("test-garbage.test", garbage)
    with consuming(bus, own):
        publish(bus, event("good"))
        wait_until(lambda: effects("good") == 1)
    assert effects() == 1
