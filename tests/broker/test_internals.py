"""Each private part of Kombu and py-amqp that is used (`sagas.broker.internals`) does what it is
used for: with another version of theirs, the test that fails says by its name which one changed.
What is written with them is compared in `tests/worker/test_hints.py` with what Celery itself sends.
"""

import json
import os
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from amqp import spec
from amqp.basic_message import Message
from kombu import Connection

from sagas.broker import internals

FRAME_END = b"\xce"
"""AMQP 0-9-1, 4.2.3."""


@pytest.fixture
def channel() -> Iterator[Any]:
    with Connection(os.environ["REDIS_URL"]) as connection:
        yield connection.channel()


@pytest.fixture
def queue(channel: Any) -> Iterator[str]:
    name = f"internals-{uuid.uuid4()}"
    yield name
    channel.queue_delete(name)


def test_kombu_create_client(channel: Any) -> None:
    client = internals.redis_client(channel)
    assert client.ping()
    assert client.connection_pool is channel.pool, "a client with a pool of its own would leak it"


def test_kombu_inplace_augment_message(channel: Any, queue: str) -> None:
    published, ours = (channel.prepare_message("{}", priority=3) for _ in range(2))
    channel.queue_declare(queue)
    channel.basic_publish(published, "", queue)
    internals.address_redis_message(channel, ours, "", queue)
    as_json = json.loads(json.dumps(ours)), json.loads(json.dumps(published))
    tags = [each["properties"].pop("delivery_tag") for each in as_json]
    assert as_json[0] == as_json[1]
    assert tags[0] != tags[1]


@pytest.mark.parametrize("priority", [0, 3, 9])
def test_kombu_q_for_pri(channel: Any, queue: str, priority: int) -> None:
    message = channel.prepare_message("{}", priority=priority)
    channel.queue_declare(queue)
    channel.basic_publish(message, "", queue)
    client = internals.redis_client(channel)
    assert client.llen(internals.redis_list(channel, queue, message)) == 1


def test_kombu_next_delivery_tag(channel: Any) -> None:
    assert len({internals.redis_delivery_tag(channel) for _ in range(10)}) == 10


def test_amqp_serialize_properties() -> None:
    message = Message("body", message_id="an id")
    assert internals.amqp_properties(message).endswith(b"\x05an id")


def test_amqp_frame_writer() -> None:
    channel = SimpleNamespace(connection=SimpleNamespace(frame_max=1 << 17, bytes_sent=0))
    written = bytearray()
    write = internals.amqp_frames(channel, written.extend)
    properties = internals.amqp_properties(Message("", message_id="an id"))
    write(1, 7, spec.Basic.Publish, b"", internals.SerializedMessage(b"the body", properties))
    method, header, body = _frames(bytes(written))
    assert method == (1, 7, b"\x00\x3c\x00\x28")  # class 60, method 40
    assert header == (2, 7, b"\x00\x3c\x00\x00" + (8).to_bytes(8) + properties)
    assert body == (3, 7, b"the body")


def _frames(written: bytes) -> Iterator[tuple[int, int, bytes]]:
    while written:
        kind, channel, size = written[0], *map(int.from_bytes, (written[1:3], written[3:7]))
        assert written[7 + size : 8 + size] == FRAME_END
        yield kind, channel, written[7 : 7 + size]
        written = written[8 + size :]
