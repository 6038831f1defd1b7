"""R24: what is on the workers' queue and is no message of a task is dropped, and counted."""

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from kombu import Consumer, Queue
from kombu.message import Message

from sagas.broker import garbage
from sagas.broker.garbage import DropCounter, NotOfTheMessage, drop_garbage
from sagas.worker.garbage import DropGarbage
from tests.system import trash

LIMIT = 10
"""Seconds for anything that a test waits for."""


class Received(Message):
    """A message that notes what becomes of it."""

    rejected = False

    def reject_log_error(self, *_: Any, **__: Any) -> None:
        self.rejected = True


def received(headers: Any, body: Any = trash.GOOD_BODY, **other: Any) -> Received:
    kinds = {"content_type": "application/json", "content_encoding": "utf-8", **other}
    return Received(
        body=body, headers=headers, delivery_tag="t", accept={"application/json"}, **kinds
    )


def taken(message: Received) -> bool:
    """Whether Celery would get it to see."""
    seen: list[Any] = []
    consumer = SimpleNamespace(
        create_task_handler=lambda: seen.append, connection_errors=(OSError,), steps=[]
    )
    DropGarbage(consumer)
    consumer.create_task_handler()(message)
    assert bool(seen) is not message.rejected
    return bool(seen)


# The last ones are well formed: of a task that is not there, and with a time that is none.
@pytest.mark.parametrize(
    "headers", [each for each in trash.BAD_HEADERS if "compression" not in each]
)
def test_a_message_with_bad_headers_is_dropped(headers: dict[str, Any]) -> None:
    is_well_formed = headers["task"] == "celery.no_such_task" or (
        isinstance(headers.get("eta"), str) or isinstance(headers.get("expires"), str)
    )
    assert taken(received(headers)) is is_well_formed


@pytest.mark.parametrize("body", trash.BAD_BODIES)
def test_a_message_with_a_bad_body_is_dropped(body: bytes) -> None:
    is_well_formed = b"chord" in body or b"NaN" in body
    assert taken(received(trash.GOOD_HEADERS, body)) is is_well_formed


def test_a_good_message_is_taken_of_either_protocol() -> None:
    assert taken(received(trash.GOOD_HEADERS))
    call = {"task": "probe.a", "id": "1", "args": [1, 0], "kwargs": {}}
    assert taken(received({}, json.dumps(call).encode()))


def test_an_error_of_the_connection_is_not_the_messages() -> None:
    def lose(message: Any) -> None:
        raise ConnectionResetError

    consumer = SimpleNamespace(
        create_task_handler=lambda: lose, connection_errors=(OSError, KeyError), steps=[]
    )
    DropGarbage(consumer)
    with pytest.raises(ConnectionResetError):
        consumer.create_task_handler()(received(trash.GOOD_HEADERS))


@pytest.fixture
def queue() -> Iterator[Queue]:
    found = Queue(f"garbage-{uuid4().hex}")
    yield found
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_delete(found.name)


def test_what_is_no_message_at_all_is_taken_off_the_list(queue: Queue) -> None:
    dropped = DropCounter("a test")
    seen: list[Any] = []
    with current_app.connection_for_read() as connection:
        channel = connection.default_channel
        drop_garbage(channel, dropped)
        with Consumer(channel, [queue], on_message=seen.append, no_ack=False):
            pieces = list(trash.entries())
            channel.client.lpush(queue.name, *pieces)
            connection.Producer().publish("good", routing_key=queue.name)
            while dropped.count + len(seen) <= len(pieces):
                connection.drain_events(timeout=LIMIT)
    assert dropped.count > 10
    assert seen[-1].decode() == "good"


def test_what_a_receiver_runs_into_is_told_to_whoever_waits(queue: Queue) -> None:
    def fail(message: Any) -> None:
        raise NotOfTheMessage(ValueError("its own"))

    dropped = DropCounter("a test")
    with current_app.connection_for_read() as connection:
        drop_garbage(connection.default_channel, dropped)
        with Consumer(connection.default_channel, [queue], on_message=fail):
            connection.Producer().publish("good", routing_key=queue.name)
            with pytest.raises(NotOfTheMessage, match="its own"):
                connection.drain_events(timeout=LIMIT)
    assert dropped.count == 0


def test_the_first_is_named_at_once_and_the_others_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    dropped = DropCounter("the queue")
    for _ in range(10_000):
        dropped("ValueError: no JSON")
    dropped.tell()
    assert len(caplog.messages) == 1
    assert "ValueError: no JSON" in caplog.text
    now += garbage.INTERVAL
    dropped.tell()
    dropped.tell()
    assert len(caplog.messages) == 2
    assert "9999 invalid messages, 10000 since the start" in caplog.messages[1]
