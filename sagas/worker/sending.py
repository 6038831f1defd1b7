"""Celery's messages in one go, over connections that are kept.

Each is made by Celery and Kombu themselves, with the router and the signals that are asked there.
But a task's destination is looked up once, and what they would write to the broker one by one is
written together: `apply_async` takes ten times as long.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Final

from celery import Task
from celery.app import app_or_default
from celery.app.task import extract_exec_options
from kombu import Producer
from kombu.common import maybe_declare
from kombu.utils.uuid import uuid

from sagas.broker.batch import Outgoing, batch_on
from sagas.broker.connection import BROKER_ERRORS
from sagas.worker.names import asked_queue

ANSWER_LIMIT: Final = 2.0
"""Seconds for a broker to take a connection, and for each answer: who waits for it is a worker, or
a user of the API, and nothing depends on it."""

KEPT: Final = 10
"""Connections that a process keeps: as many threads may send at once without making new ones."""

LIMITS: Final[dict[str, Any]] = {
    "connect_timeout": ANSWER_LIMIT,
    "transport_options": dict.fromkeys(
        ("socket_timeout", "socket_connect_timeout", "read_timeout", "write_timeout"), ANSWER_LIMIT
    ),
}
"""For a connection of one's own; the shared ones may wait for longer. The first two of the options
are of Redis, the others of RabbitMQ."""


class Sender:
    """A connection, for one thread at a time. After an error it is of no use any more."""

    def __init__(self) -> None:
        self._app = app_or_default()
        self._connection = self._app.connection_for_write(**LIMITS)
        self._tells_events = self._app.conf.task_send_sent_event
        self._declared: set[str] = set()
        try:
            # Each address of CELERY_BROKER_URL once.
            self._connection.ensure_connection(max_retries=max(0, len(self._connection.alt) - 1))
            channel = self._connection.channel()
            self._batch, self._gathering = batch_on(channel), _Gathering(channel)
            self._producer = Producer(self._gathering, auto_declare=False)
        except BaseException:
            self.close()
            raise

    def add(
        self,
        task: Task,
        arguments: Sequence[Any],
        *,
        queue: str | None,
        headers: Mapping[str, Any] | None = None,
        **message: Any,
    ) -> None:
        """A message for `task`, to go with the next `send`. `queue` is its default one if None;
        `headers` are one's own; `message` is what else Celery's protocol has to say (`time_limit`,
        `argsrepr` …)."""
        amqp, task_id, cause = self._app.amqp, uuid(), self._app.current_worker_task
        made = amqp.create_task_message(
            task_id,
            task.name,
            arguments,
            root_id=cause and (cause.request.root_id or cause.request.id),
            parent_id=cause and cause.request.id,
            reply_to=self._app.thread_oid,
            ignore_result=task.ignore_result,
            create_sent_event=self._tells_events,
            **message,
        )
        destination = _destination(amqp.router, task, queue)
        self._declare(destination.get("queue"))
        if headers:
            destination = {**destination, "headers": {**destination.get("headers", {}), **headers}}
        amqp.send_task_message(
            self._producer, task.name, made, retry=False, declare=(), **destination
        )

    def send(self) -> None:
        """Writes what was added. Raises one of `BROKER_ERRORS`; then any of it may be there."""
        gathered, self._gathering.gathered = self._gathering.gathered, []
        self._batch.send(gathered)

    def check(self) -> None:
        """Raises one of `BROKER_ERRORS` if the broker has gone in the meantime."""
        self._batch.check()

    def close(self) -> None:
        """Never raises."""
        with suppress(Exception):
            self._connection.release()

    def _declare(self, queue: Any) -> None:
        if queue is not None and queue.name not in self._declared:
            maybe_declare(queue, self._gathering)
            self._declared.add(queue.name)


class _Gathering:
    """A channel on which nothing is published yet."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.gathered: list[Outgoing] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def basic_publish(
        self, message: Any, exchange: str = "", routing_key: str = "", **_: Any
    ) -> None:
        self.gathered.append(Outgoing(message, exchange, routing_key))


@contextmanager
def together() -> Iterator[Sender]:
    """What is added in the block is sent at its end. Raises one of `BROKER_ERRORS`."""
    sender = _kept() or Sender()
    try:
        yield sender
        sender.send()
    except BaseException:
        sender.close()
        raise
    if len(_idle) < KEPT:
        _idle.append(sender)
    else:
        sender.close()


@lru_cache(maxsize=1024)
def _destination(router: Any, task: Task, queue: str | None) -> Mapping[str, Any]:
    """What the task's own options and `task_routes` say of it. A route that looks at the arguments
    sees none: they are numbers that say nothing."""
    options = {**extract_exec_options(task), "queue": asked_queue(task.name, queue, task)}
    for name in ("expires", "time_limit", "soft_time_limit"):
        del options[name]  # a part of the message
    found: dict[str, Any] = router.route(options, task.name, (), {}, task)
    return found


_idle: deque[Sender] = deque()
_of_parents: Final[list[deque[Sender]]] = []


def _kept() -> Sender | None:
    """One that is still connected, if there is one."""
    while _idle:
        with suppress(IndexError):  # another thread was quicker
            sender = _idle.pop()
            try:
                sender.check()
            except BROKER_ERRORS:
                sender.close()
            else:
                return sender
    return None


def _begin_anew() -> None:
    """In a new child: its parent goes on with these connections, so they are not even closed."""
    global _idle
    _of_parents.append(_idle)
    _idle = deque()


os.register_at_fork(after_in_child=_begin_anew)
