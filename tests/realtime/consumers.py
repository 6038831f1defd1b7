"""Consumers in a thread of the test, and as processes of their own."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from sagas.bus import Bus, Message, Publisher, Source, Subscription
from sagas.bus.consumer import Consumption
from sagas.bus.events import Event, Handler
from sagas.devserver.child import Command
from tests.realtime.brokers import LIMIT


def in_thread(target: Callable[..., object], *arguments: Any) -> threading.Thread:
    """With a database connection of its own, which ends with it."""

    def run() -> None:
        try:
            target(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def handler(function: Callable[[Event], object], *patterns: str, **options: Any) -> Handler:
    values = {"name": "test", "exchange": "", "atomic": True, "max_tries": 3, **options}
    return Handler(function=function, patterns=patterns or ("#",), **values)


@contextmanager
def consuming(bus: Bus, *handlers: Handler) -> Iterator[None]:
    """A consumer in a thread, until the block ends."""
    stopping = threading.Event()
    thread = threading.Thread(target=Consumption(bus, handlers, stopping).run)
    declare(bus, *handlers)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(LIMIT)
        assert not thread.is_alive()


def declare(bus: Bus, *handlers: Handler) -> None:
    """Makes their queues, so that what is published next is kept for them."""
    stopping = threading.Event()
    stopping.set()
    consumption = Consumption(bus, handlers, stopping)
    Subscription(
        bus,
        [Source(q, h.patterns, h.exchange) for q, h in consumption._by_queue.items()],
        lambda delivery: None,
    ).close()


def event(event_id: str, key: str = "probe.x", data: Any = None, **more: Any) -> Message:
    """One of another service."""
    body = {"id": event_id, "data": data, **more}
    return Message(event_id, key, json.dumps(body).encode())


def publish(bus: Bus, *messages: Message, exchange: str = "") -> None:
    with Publisher(bus) as publisher:
        publisher.publish(messages, exchange)


def environment(bus: Bus, **more: str) -> dict[str, str]:
    """Of a process on the database of this test."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    return {
        **os.environ,
        "DATABASE_URL": database.geturl(),
        "DJANGO_SETTINGS_MODULE": "tests.realtime.settings",
        "EVENTS_URL": bus.url,
        "EVENTS_EXCHANGE": bus.exchange,
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def consumer(name: str, env: dict[str, str], *, kept_alive: bool = False) -> Command:
    argv = [sys.executable, "manage.py", "saga", "consume", "--handler", "probe"]
    return Command(name, argv, env, ready=lambda said: "Listening" in said, kept_alive=kept_alive)
