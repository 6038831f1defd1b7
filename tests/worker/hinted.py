"""Hints of a saga that no other test has, and what a worker would get of them."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import uuid4

from celery import current_app

from sagas.listeners import Committed
from sagas.machine import Direction, Hint, Saga, SagaStep
from sagas.worker import sending
from sagas.worker.steps import register_tasks

LIMIT = 10
"""Seconds for anything that a test waits for."""


def nothing(context: Any) -> None:
    """An action that is never called."""


@contextmanager
def hinted_saga() -> Iterator[Saga]:
    """With tasks and a queue of its own."""
    name = f"hinted_{uuid4().hex[:8]}"
    found = Saga(name, [SagaStep("a", nothing, nothing, timeout=7, queue=f"queue-{name}")])
    register_tasks([found])
    yield found
    for step in ("a", "a.compensate"):
        current_app.tasks.pop(f"{name}.{step}")


def forget() -> None:
    """Whoever sends next has no connection yet."""
    while sending._idle:
        sending._idle.pop().close()


def committed(saga: Saga, number: int, direction: Direction = Direction.ACTION) -> Committed:
    return Committed(number, f"s-{number}", saga, 3, (Hint("a", direction, 5),))


def coming(saga: Saga) -> Iterator[Any]:
    """The messages of its queue, as a worker gets them."""
    with current_app.connection_for_read() as connection:
        queue, found = current_app.amqp.queues[f"queue-{saga.saga_type}"], deque[Any]()
        with connection.Consumer([queue], on_message=found.append, no_ack=True):
            while True:
                while not found:
                    connection.drain_events(timeout=LIMIT)
                yield found.popleft()


def arrived(saga: Saga, count: int) -> list[Any]:
    return list(islice(coming(saga), count))


def until_there(saga: Saga, number: int) -> None:
    """Awaits that one: RabbitMQ keeps those from before it was stopped, too."""
    next(message for message in coming(saga) if message.decode()[0] == [number, 5])
