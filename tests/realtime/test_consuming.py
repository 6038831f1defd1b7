"""Handlers in a consumer, on both brokers: the effect once, retries, dead dead_letters."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sagas import Saga, SagaStep, WaitFor, engine, queries
from sagas.bus import Bus, Publisher, Source, Subscription, dead_letters, handling
from sagas.bus.envelope import message
from sagas.bus.events import Event
from sagas.bus.models import DeadLetter, HandledEvent
from sagas.bus.relay import Relay
from sagas.models import SagaExecution
from tests.realtime.brokers import Broker
from tests.realtime.consumers import consuming, declare, event, handler, publish
from tests.realtime.probe.handlers import effects, leave_effect
from tests.realtime.sagas_of_tests import completed, nothing, written
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "PAUSES", (0.05, 0.1))


def letter() -> DeadLetter:
    """The one that there is, once it is dead."""
    wait_until(lambda: dead_letters.dead().exists(), "a dead letter")
    return dead_letters.dead().get()


def test_a_saga_event_has_its_effect_once(bus: Bus) -> None:
    heard: list[Event] = []

    def note(found: Event) -> None:
        heard.append(found)
        leave_effect(found)

    completed("s")
    with consuming(bus, handler(note, "shop.saga.completed")):
        with Publisher(bus) as publisher:
            Relay(lambda: publisher).look()
            last = queries.committed_event("s", written("s"))
            assert last is not None
            publisher.publish([message(last)] * 3)
            publisher.publish([event("end", "shop.saga.completed.not")])
        wait_until(lambda: effects() == 1)
    assert HandledEvent.objects.count() == 1
    assert not DeadLetter.objects.exists()
    assert heard[0].body["saga_id"] == "s"
    assert heard[0].body["status"] == "completed"


def test_what_fails_is_tried_again_and_then_leaves_no_trace(bus: Bus) -> None:
    tries: list[int] = []

    def fail_twice(found: Event) -> None:
        leave_effect(found)
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("not yet")

    with consuming(bus, handler(fail_twice)):
        publish(bus, event("e"))
        wait_until(lambda: effects("e") == 1)
        wait_until(lambda: not DeadLetter.objects.exists())
    assert len(tries) == 3
    assert effects() == 1, "what failed was undone"


def test_what_gives_up_is_kept_and_can_be_replayed(bus: Bus) -> None:
    works: list[bool] = []

    def fail(found: Event) -> None:
        if not works:
            raise RuntimeError("bad \0 luck \ud800")
        leave_effect(found)

    said = StringIO()
    with consuming(bus, handler(fail)):
        publish(bus, event("e"), event("other"))
        wait_until(lambda: dead_letters.dead().count() == 2)
        found = DeadLetter.objects.get(event_id="~e")
        assert found.tries == 3
        assert found.reason.startswith("RuntimeError: bad")
        assert "in fail" in found.traceback
        assert json.loads(bytes(found.body))["id"] == "e"
        call_command("saga", "dead-letters", "--list", stdout=said)
        assert said.getvalue().count("probe.x for test") == 2
        with pytest.raises(CommandError, match="Say which"):
            call_command("saga", "dead-letters")
        works.append(True)
        call_command("saga", "dead-letters", str(found.pk), stdout=said)
        wait_until(lambda: effects("e") == 1)
        wait_until(lambda: DeadLetter.objects.count() == 1)
        call_command("saga", "dead-letters", "--all", stdout=said)
        wait_until(lambda: effects("other") == 1)
        wait_until(lambda: not DeadLetter.objects.exists())
    assert effects() == 2


def test_a_letter_that_waits_holds_nothing_up(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "PAUSES", (300.0, 300.0))

    def fail(found: Event) -> None:
        if found.id == "bad":
            raise RuntimeError
        leave_effect(found)

    with consuming(bus, handler(fail)):
        publish(bus, event("bad"), event("good"))
        wait_until(lambda: effects("good") == 1)
    assert DeadLetter.objects.get().retry_at is not None


def test_what_no_pattern_wants_any_more_is_passed_by(bus: Bus) -> None:
    """A queue keeps the bindings of older code."""
    declare(bus, handler(leave_effect, "old.*", "new.*"))
    with consuming(bus, handler(leave_effect, "new.*")):
        publish(bus, event("old", "old.x"), event("new", "new.x"))
        wait_until(lambda: effects("new") == 1)
    assert effects() == 1
    assert not DeadLetter.objects.exists()


def test_what_is_handed_out_again_is_counted_before_it_is_tried(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sagas.bus.consumer")
    own = handler(leave_effect)
    declare(bus, own)
    publish(bus, event("e"))
    got: list[Any] = []
    source = Source(f"{bus.exchange}.test", own.patterns)
    with Subscription(bus, [source], got.append) as subscription:
        while not got:
            subscription.drain(0.1)
    with consuming(bus, own):
        wait_until(lambda: effects("e") == 1)
        wait_until(lambda: not DeadLetter.objects.exists())
    assert "e was delivered before, to test" in caplog.text


def test_another_services_event_starts_a_saga_once(bus: Bus) -> None:
    """`start` joins the handler's transaction; and the same saga_id is the same saga (S11)."""

    def begin(found: Event) -> None:
        engine.start("shop", {"for": found.data["order"]}, saga_id=f"shop-{found.id}")

    orders = f"{bus.exchange}.orders"
    own = handler(begin, "order.created", exchange=orders)
    with consuming(bus, own):
        created = event("7", "order.created", {"order": 7})
        publish(bus, created, created, exchange=orders)
        publish(bus, created, event("8", "order.created", {"order": 8}), exchange=orders)
        wait_until(lambda: SagaExecution.objects.count() == 2)
    assert SagaExecution.objects.get(saga_id="shop-7").context == {"for": 7}
    assert HandledEvent.objects.count() == 2
    assert not DeadLetter.objects.exists()


def test_another_services_event_signals_a_saga_once(bus: Bus, define: Any) -> None:
    """A signal commits by itself, so its handler stands outside of a transaction; the second
    one of a name changes nothing (R13)."""
    define(Saga("paid", [WaitFor("payment"), SagaStep("after", nothing)]))
    engine.start("paid", {}, saga_id="p")
    calls: list[str] = []

    def tell(found: Event) -> None:
        calls.append(found.id)
        engine.signal("p", "payment", found.data, by="payments")
        if len(calls) == 1:
            raise RuntimeError("after it was sent, and before that is noted")

    with consuming(bus, handler(tell, "payment.made", atomic=False)):
        publish(bus, *[event("1", "payment.made", {"amount": 5})] * 3)
        wait_until(lambda: HandledEvent.objects.exists())
        wait_until(lambda: not DeadLetter.objects.exists())
    assert len(calls) >= 2
    execution = SagaExecution.objects.get(saga_id="p")
    assert execution.context == {"payment": {"amount": 5}}
    received = [e for e in queries.history(execution.pk) if "signal" in e.type]
    assert len(received) == 1


def test_a_broker_that_was_away_is_listened_to_again(broker: Broker) -> None:
    own = handler(leave_effect)
    with consuming(broker.bus, own):
        publish(broker.bus, event("before"))
        wait_until(lambda: effects("before") == 1)
        broker.stop()
        broker.start()
        declare(broker.bus, own)  # Valkey comes back empty
        publish(broker.bus, event("after"))
        wait_until(lambda: effects("after") == 1)


def test_what_rabbitmq_gives_up_is_kept(rabbitmq: Broker) -> None:
    bus = Bus(rabbitmq.bus.url, "test-dead")
    own = handler(leave_effect)
    declare(bus, own)
    publish(bus, event("e"))
    with bus.connect() as amqp:
        channel = amqp.default_channel
        found = wait_until(lambda: channel.basic_get("test-dead.test"), "a dead message")
        channel.basic_reject(found.delivery_tag, requeue=False)
    with consuming(bus, own):
        kept = letter()
    assert kept.handler == "test-dead.test"
    assert json.loads(bytes(kept.body))["id"] == "e"


def test_what_was_handled_long_ago_is_forgotten() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sagas_bus_handledevent VALUES ('h', 'old', now() - interval '31 days'), "
            "('h', 'young', now() - interval '29 days')"
        )
    assert handling.prune() == 1
    assert HandledEvent.objects.get().event_id == "young"
