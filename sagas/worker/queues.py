"""Which queues are so long that repeating a hint would only make them longer (R21), and which are
so short that workers are free for more (L2)."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Final

from celery import current_app
from kombu import Connection
from kombu.transport import virtual

from sagas import engine
from sagas.machine import Direction, Route, Saga
from sagas.worker.names import queue_of, task_name
from sagas.worker.sending import LIMITS

logger = logging.getLogger(__name__)

ENOUGH: Final = 300
"""Messages. With more in a queue, every worker finds work in it for some seconds; with fewer, to
repeat each of them costs less than a saga that stands still because its hint was lost."""

FEW: Final = 10
"""Messages. With no more in a queue, workers have taken nearly all that was in it: what still waits
behind it was not in there any more, but for some. To look at those costs a read each."""

TRUSTED_FOR: Final = 1.0
"""Seconds before the broker is asked again. In this time a wake loop fills an empty queue; what it
tells of before it knows that is looked at again soon."""


class QueueWatch:
    """What the broker said a moment ago of the queues that these sagas' hints go to."""

    def __init__(self, sagas: Iterable[Saga]) -> None:
        self._sagas = sagas
        self._asked_for: Set[str] = frozenset()
        self._queues = engine.Queues()
        self._ask_at = 0.0

    def __call__(self, others: Set[str]) -> engine.Queues:
        """Of `others`, too, to which only sagas of other workers may lead.

        Never raises: with a broker that does not answer, every hint is worth a try.
        """
        if time.monotonic() >= self._ask_at or not others <= self._asked_for:
            by_queue = routes_by_queue(self._sagas)
            self._asked_for = others | by_queue.keys()
            try:
                self._queues = _asked(by_queue, self._asked_for)
            except Exception as error:
                logger.warning("The broker does not say how long its queues are: %r", error)
                self._queues = engine.Queues()
            self._ask_at = time.monotonic() + TRUSTED_FOR
        return self._queues


def routes_by_queue(sagas: Iterable[Saga]) -> dict[str, set[Route]]:
    """Queue → what goes there, as Celery's own router sends it: by the step's `queue`, by
    `task_routes`, or else to the default queue."""
    found: dict[str, set[Route]] = defaultdict(set)
    for saga in sagas:
        for step in saga.claimed_steps:
            for direction in Direction:
                name = task_name(saga.saga_type, step.name, direction)
                queue = queue_of(name, step.queue)
                if queue is not None:
                    found[queue].add((saga.saga_type, saga.version, step.name, direction))
    return found


def tell_unconsumed(sagas: Iterable[Saga], worker: Any) -> None:
    """Logs the queues in which hints wait, and from which no worker takes (R28). Never raises.

    Workers are asked only if this one does not take from a queue itself.
    """
    consumer = getattr(getattr(worker, "consumer", None), "task_consumer", None)
    if consumer is None:
        return  # between two connections
    try:
        names = [each for each in routes_by_queue(sagas) if not consumer.consuming_from(each)]
        for name in _unconsumed(names):
            logger.error(
                "Hints wait in the queue %r, and no worker that answers consumes it. Start one "
                "with `-Q %s`, or route those steps to another queue (CELERY_TASK_ROUTES, "
                "SAGAS['QUEUE']).",
                name,
                name,
            )
    except Exception as error:
        logger.warning("Workers can't be asked for their queues: %r", error)


def _unconsumed(names: Sequence[str]) -> list[str]:
    """Those of `names` that hold messages, and that no worker takes from."""
    if not names:
        return []
    with current_app.connection_for_write(**LIMITS) as connection:
        connection.ensure_connection(max_retries=0)
        waiting = [name for name in names if length_of(name, connection)]
        if not waiting:
            return []
        asking = current_app.control.inspect(
            timeout=LIMITS["connect_timeout"], connection=connection
        )
        answers = (asking.active_queues() or {}).values()
    consumed = {queue["name"] for answer in answers for queue in answer or ()}
    return [name for name in waiting if name not in consumed]


def _asked(by_queue: Mapping[str, Set[Route]], names: Set[str]) -> engine.Queues:
    # Of its own: the shared ones may wait for longer, and so may whoever waits for them.
    with current_app.connection_for_read(**LIMITS) as connection:
        connection.ensure_connection(max_retries=0)
        lengths = {name: length_of(name, connection) for name in names}
    full = [name for name in by_queue if lengths[name] > ENOUGH]
    return engine.Queues(
        full={route: name for name in full for route in by_queue[name]},
        free={name for name, length in lengths.items() if length <= FEW},
    )


def length_of(queue: str, connection: Connection) -> int:
    """How many messages wait in a queue; one that does not exist has none."""
    with connection.channel() as channel:
        if isinstance(channel, virtual.Channel):
            # Kombu first asks whether there is such a queue, and forgets `global_keyprefix` there.
            return int(channel._size(queue))
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except connection.channel_errors:
            return 0
