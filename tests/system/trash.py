"""What is no message of a task, for the queue of workers: as entries of a Redis list, and as
messages of RabbitMQ."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from kombu import Connection

QUEUE: Final = "sagas"
TASK: Final = "probe.a"

BAD_HEADERS: Final[tuple[dict[str, Any], ...]] = (
    {"task": ["x"], "id": "1"},
    {"task": {}, "id": "1"},
    {"task": 5, "id": "1"},
    {"task": "x" * 100_000, "id": "1"},
    {"task": TASK},
    {"task": TASK, "id": {}},
    {"task": TASK, "id": 7},
    {"task": TASK, "id": "x" * 100_000},
    {"task": TASK, "id": "1", "timelimit": "abc"},
    {"task": TASK, "id": "1", "timelimit": [1]},
    {"task": TASK, "id": "1", "timelimit": ["a", "b"]},
    {"task": TASK, "id": "1", "timelimit": [-1, -1]},
    {"task": TASK, "id": "1", "eta": 5},
    {"task": TASK, "id": "1", "eta": "soon"},
    {"task": TASK, "id": "1", "eta": "0001-01-01T00:00:00+23:59"},
    {"task": TASK, "id": "1", "expires": []},
    {"task": TASK, "id": "1", "expires": "never"},
    {"task": TASK, "id": "1", "retries": "x"},
    {"task": TASK, "id": "1", "stamped_headers": 5},
    {"task": TASK, "id": "1", "argsrepr": []},
    {"task": TASK, "id": "1", "compression": "none-such"},
    {"task": TASK, "id": "1", "compression": []},
    {"task": "celery.no_such_task", "id": "1"},
)

BAD_BODIES: Final = (
    b"", b"\xff\xfe", b"garbage", b"[]", b"{}", b"null", b"5", b'"x"', b"[1, 2, 3]",
    b"[[], {}]", b'[[], {}, "x"]', b'[{}, [], {}]', b"[" * 100_000, b"[[NaN], {}, {}]",
    json.dumps([[], {}, {"chord": 5, "callbacks": 7}]).encode(),
)  # fmt: skip

GOOD_HEADERS: Final = {"task": TASK, "id": "good", "timelimit": [None, None], "lang": "py"}
GOOD_BODY: Final = b"[[1, 0], {}, {}]"


def entries() -> Iterator[bytes]:
    """Of a Redis list."""
    yield from (
        b"garbage",
        b"[]",
        b"{}",
        b"null",
        b"5",
        b'"x"',
        b"\xff\xfe\x00",
        b"",
        b"[" * 100_000,
    )
    yield b'{"properties": 1}'
    yield b'{"properties": {}}'
    yield b"x" * 5_000_000
    tag = {"delivery_tag": "t", "delivery_info": {"exchange": "", "routing_key": QUEUE}}
    properties: Any
    headers: Any
    for properties in (
        [], {"delivery_tag": None}, {"delivery_tag": []}, {**tag, "delivery_tag": {}},
        {**tag, "delivery_info": []}, {**tag, "delivery_info": None}, {**tag, "delivery_info": {}},
        {**tag, "body_encoding": []}, {**tag, "body_encoding": "base64"}, {**tag, "priority": "x"},
    ):  # fmt: skip
        yield _entry(GOOD_HEADERS, "not base64 …", properties)
    for headers in (*BAD_HEADERS, [], "x", 5, None):
        yield _entry(headers, GOOD_BODY, tag)
    for body in BAD_BODIES:
        yield _entry(GOOD_HEADERS, body, tag)
    for kind, encoding in (
        ("application/x-python-serialize", "binary"),
        ("x", "y"),
        ([], {}),
        (None, 5),
    ):
        yield _entry(GOOD_HEADERS, GOOD_BODY, tag, kind, encoding)
    yield json.dumps({"__type__": "datetime", "__value__": "x"}).encode()


def _entry(
    headers: Any, body: bytes | str, properties: Any, kind: Any = "application/json",
    encoding: Any = "utf-8",
) -> bytes:  # fmt: skip
    if isinstance(body, bytes):
        body = base64.b64encode(body).decode()
        properties = {"body_encoding": "base64", **properties}
    return json.dumps(
        {
            "body": body,
            "headers": headers,
            "properties": properties,
            "content-type": kind,
            "content-encoding": encoding,
        }
    ).encode()


def throw_in(url: str, times: int) -> int:
    """Puts each piece into the queue so many times; how many that were."""
    with Connection(url) as connection:
        if connection.transport.driver_type == "redis":
            pieces = list(entries())
            client = connection.default_channel.client
            for _ in range(times):
                client.lpush(QUEUE, *pieces)
            return times * len(pieces)
        return times * sum(_publish(connection.default_channel, times))


def _publish(channel: Any, times: int) -> Iterator[int]:
    properties = {"content_type": "application/json", "content_encoding": "utf-8"}
    whole = [
        *((GOOD_BODY, properties, headers) for headers in BAD_HEADERS),
        *((body, properties, GOOD_HEADERS) for body in BAD_BODIES),
        (GOOD_BODY, {}, GOOD_HEADERS),
        (GOOD_BODY, {}, {}),
        (b"\xff", {"content_type": "application/x-python-serialize"}, GOOD_HEADERS),
        (b"\xff", {"content_type": "x", "content_encoding": "none-such"}, GOOD_HEADERS),
        (b"x" * 5_000_000, properties, GOOD_HEADERS),
    ]
    for body, others, headers in whole:
        for _ in range(times):
            message = channel.prepare_message(body, headers=headers, **others)
            channel.basic_publish(message, exchange="", routing_key=QUEUE)
        yield 1
