"""What a worker tells Flower, on a real broker and with the loop that workers have."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from celery.worker.consumer.events import Events
from kombu.asynchronous import Hub, set_event_loop
from redis import Redis

from sagas.worker.fast import task_events
from sagas.worker.fast.task_events import EventBuffer
from tests.realtime.brokers import Broker


@pytest.fixture
def consumer(valkey: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The parts of Celery's consumer that the step looks at."""
    monkeypatch.setattr(task_events, "INTERVAL", 0.01)
    hub = Hub()
    found = SimpleNamespace(
        app=current_app,
        hub=hub,
        hostname="worker",
        amqheartbeat=None,
        on_send_event_buffered=lambda: pytest.fail("sent with each turn of the loop"),
        connection_for_write=lambda heartbeat: current_app.connection(valkey.bus.url),
        connection_errors=(),
        channel_errors=(),
    )
    events, buffer = Events(found), EventBuffer(found)
    events.start(found)
    buffer.start(found)
    yield found, buffer
    hub.close()
    set_event_loop(None)
    events.shutdown(found)


def published(valkey: Broker) -> int:
    commands = Redis.from_url(valkey.bus.url).info("commandstats")
    return int(commands.get("cmdstat_publish", {"calls": 0})["calls"])


def test_the_events_of_many_tasks_are_one_message(consumer: Any, valkey: Broker) -> None:
    found, buffer = consumer
    before = published(valkey)
    for number in range(100):
        for what in ("received", "started", "succeeded"):
            found.event_dispatcher.send(f"task-{what}", uuid=str(number))
    assert published(valkey) == before
    turns = found.hub.create_loop()
    while published(valkey) == before:
        next(turns)
    assert published(valkey) == before + 1
    found.event_dispatcher.send("task-received", uuid="last")
    buffer.stop(found)
    assert published(valkey) == before + 2, "a worker that stops keeps none"


def test_no_more_are_kept_than_one_message_takes(
    consumer: Any, valkey: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, buffer = consumer
    monkeypatch.setattr(task_events, "MOST", 10)
    buffer.stop(found)
    buffer.start(found)
    before = published(valkey)
    for number in range(20):
        found.event_dispatcher.send("task-received", uuid=str(number))
    assert published(valkey) == before + 2
