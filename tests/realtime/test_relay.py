"""The relay on both brokers: at least once, in each saga's order, whatever happens to it."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import jsonschema
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus
from redis import Redis

from sagas import engine, queries
from sagas.bus import Bus, Message, Publisher, envelope, relay
from sagas.bus.relay import Relay
from sagas.bus.schema import schema
from sagas.models import SagaExecution
from tests.realtime.brokers import Broker, Listener, writes_to_rabbitmq
from tests.realtime.consumers import in_thread
from tests.realtime.sagas_of_tests import (
    advance,
    check_all,
    completed,
    first_copies,
    start,
    waiting,
    written,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


@pytest.fixture
def of_bus(bus: Bus) -> Iterator[Relay]:
    found = Relay(lambda: Publisher(bus))
    yield found
    if found._publisher is not None:
        found._publisher.close()


def test_every_event_arrives_in_order_as_the_schema_says(of_bus: Relay, listener: Listener) -> None:
    completed("s-1")
    completed("s-2")
    assert of_bus.look() == written("s-1") + written("s-2")
    assert of_bus.look() == 0
    assert waiting() == 0
    listener.rest()
    assert len(listener.heard) == written("s-1") + written("s-2")
    check_all(listener, ["s-1", "s-2"])
    form = json.loads(schema())
    for delivery in listener.heard:
        body = json.loads(delivery.body)
        jsonschema.validate(body, form)
        assert delivery.routing_key == f"shop.{body['event']}"
    last = json.loads(listener.heard[-1].body)
    assert last["event"] == "saga.completed"
    assert last["status"] == "completed"
    assert len({json.loads(d.body)["id"] for d in listener.heard}) == len(listener.heard)
    pk, seq = SagaExecution.objects.get(saga_id="s-2").pk, written("s-2")
    assert last["id"] == str(uuid.uuid5(envelope._NAMESPACE, f"s-2:{pk}:{seq}"))


@pytest.mark.parametrize("point", ["before", "middle", "published", "marked"])
def test_a_relay_killed_at_any_point_misses_nothing(
    of_bus: Relay, listener: Listener, point: str
) -> None:
    for number in range(4):
        completed(f"s-{number}")
    url = urlsplit(os.environ["DATABASE_URL"])
    database = url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    bus = listener.bus
    argv = [sys.executable, "-m", "tests.realtime.dying", bus.url, bus.exchange, point]
    env = {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "project.settings"}
    with subprocess.Popen(argv, env=env) as relay:
        listener.until(lambda: relay.poll() is not None)  # or RabbitMQ takes it for dead
    assert relay.returncode == -signal.SIGKILL
    assert waiting() == (0 if point == "marked" else 4 * written("s-0"))
    start("s-new")
    while of_bus.look():
        pass
    listener.rest()
    check_all(listener, [*(f"s-{n}" for n in range(4)), "s-new"])
    ids: dict[tuple[str, int], set[str]] = {}
    for delivery in listener.heard:
        body = json.loads(delivery.body)
        ids.setdefault((body["saga_id"], body["seq"]), set()).add(body["id"])
    assert all(len(found) == 1 for found in ids.values()), "a repeat has the same id"


def test_a_row_at_work_is_not_waited_for_nor_published_twice(
    of_bus: Relay, listener: Listener
) -> None:
    start("held")
    start("free")
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            SagaExecution.objects.select_for_update().get(saga_id="held")
            held.set()
            release.wait(20)

    thread = in_thread(hold)
    try:
        assert held.wait(10)
        assert of_bus.look() == written("held") + written("free")
        assert waiting() == written("held")
        assert [of_bus.look() for _ in range(3)] == [0, 0, 0]
    finally:
        release.set()
        thread.join()
    assert of_bus.look() == 0
    assert waiting() == 0
    assert of_bus._unmarked == {}
    listener.rest()
    assert len(listener.heard) == written("held") + written("free")


def test_two_relays_at_once_and_sagas_that_go_on(bus: Bus, listener: Listener) -> None:
    done = threading.Event()

    def relay_on() -> None:
        with Publisher(bus) as publisher:
            own = Relay(lambda: publisher)
            while not done.is_set() or waiting():
                own.look()

    threads = [in_thread(relay_on) for _ in range(2)]
    try:
        for number in range(20):
            completed(f"s-{number}")
    finally:
        done.set()
        for thread in threads:
            thread.join(30)
    listener.rest()
    check_all(listener, [f"s-{n}" for n in range(20)])


def test_the_newest_and_the_oldest_have_a_share_of_each_batch(
    of_bus: Relay, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "EXECUTIONS", 10)
    for number in range(40):
        start(f"s-{number:02}")
    of_bus.look()
    assert of_bus.is_behind
    ids = start("new")
    of_bus.look()
    advance(ids, "a")
    of_bus.look()
    listener.rest()
    heard = list(first_copies(listener))
    oldest = [f"s-{n:02}" for n in range(15)]
    assert set(oldest) <= set(heard), "five of the oldest with each batch"
    assert heard.index("new") < 20, "with the first batch after its start"
    assert first_copies(listener)["new"] == list(range(1, written("new") + 1))
    while of_bus.look():
        pass
    listener.rest()
    check_all(listener, [*(f"s-{n:02}" for n in range(40)), "new"])


def test_a_long_history_comes_in_parts(
    of_bus: Relay, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "EACH", 2)
    completed("s")
    behind = []
    while of_bus.look():
        behind.append(of_bus.is_behind)
    assert len(behind) == -(-written("s") // 2)
    assert behind == [True] * (written("s") // 2) + [False] * (written("s") % 2)
    assert not of_bus.is_behind
    listener.rest()
    check_all(listener, ["s"])


def test_what_a_look_costs(of_bus: Relay) -> None:
    for number in range(20):
        completed(f"s-{number}")
    of_bus.look()
    for number in range(20, 40):
        completed(f"s-{number}")
    expected = 20 * written("s-20")
    with CaptureQueriesContext(connection) as captured:
        assert of_bus.look() == expected
    assert len(captured) == 2, "one to read, one to mark, however many events there are"
    with CaptureQueriesContext(connection) as captured:
        assert of_bus.look() == 0
    assert len(captured) == 1


def test_what_a_batch_costs_the_broker(
    of_bus: Relay, broker: Broker, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    completed("s-0")
    of_bus.look()  # its connection is there, and knows the exchange
    for number in range(1, 20):
        completed(f"s-{number}")
    if broker.name == "valkey":
        server = Redis.from_url(broker.bus.url)
        server.config_resetstat()
        of_bus.look()
        commands = server.info("commandstats")
        assert commands["cmdstat_lpush"]["calls"] == 1, "one for each queue"
        assert commands["cmdstat_smembers"]["calls"] == 2, "who listens; and where it goes"
    else:
        assert of_bus._publisher is not None
        sizes = writes_to_rabbitmq(of_bus._publisher._channel, monkeypatch)
        of_bus.look()
        assert len(sizes) == 1
    listener.rest()
    check_all(listener, [f"s-{n}" for n in range(20)])


def test_what_nobody_listens_to_is_not_even_made(
    of_bus: Relay, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Valkey would keep none of it. RabbitMQ does not tell, so there all of it is sent."""
    made: list[str] = []
    make = envelope.message

    def count(event: queries.CommittedEvent) -> Message:
        made.append(event.type)
        return make(event)

    monkeypatch.setattr(relay, "message", count)
    if broker.name == "valkey":
        completed("s-1")
        assert of_bus.look() == written("s-1")
        assert made == []
        assert waiting() == 0
    listener = Listener(broker.bus, patterns=["shop.saga.*"])
    completed("s-2")
    of_bus.look()
    listener.rest()
    listener.close()
    heard = [json.loads(delivery.body)["event"] for delivery in listener.heard]
    assert heard == ["saga.started", "saga.running", "saga.completed"]
    assert made == heard or broker.name == "rabbitmq"


def test_data_goes_on_as_the_database_has_it(of_bus: Relay, listener: Listener) -> None:
    context = {"for": 'ü " \\ \u2028', "n": [1, 2.5, None, True], "big": 10**30}
    engine.start("shop", context, saga_id="s")
    of_bus.look()
    listener.rest()
    assert json.loads(listener.heard[0].body)["data"]["context"] == context


def test_a_mark_does_not_wait_for_the_disk_and_nothing_else_is_hurried() -> None:
    completed("s")

    def how() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])

    with transaction.atomic():
        engine.mark_relayed({SagaExecution.objects.get().pk: written("s")})
        assert how() == "off"
    assert how() == "on"
    assert waiting() == 0


def test_no_transaction_is_open_while_it_publishes(bus: Bus) -> None:
    seen: list[bool] = []

    class Watched(Publisher):
        def publish(self, messages: Sequence[Message], exchange: str = "") -> None:
            status = connection.connection.info.transaction_status
            seen.append(status == TransactionStatus.IDLE)
            super().publish(messages, exchange)

    completed("s")
    with Watched(bus) as publisher:
        Relay(lambda: publisher).look()
    assert seen == [True]


def test_the_lag_is_known(of_bus: Relay) -> None:
    assert queries.relay_lag() == queries.RelayLag(0, 0, 0)
    completed("s")
    start("t")
    lag = queries.relay_lag()
    assert (lag.events, lag.executions) == (written("s") + written("t"), 2)
    assert lag.seconds > 0
    of_bus.look()
    assert queries.relay_lag().executions == 0
