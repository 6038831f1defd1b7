"""What `manage.py saga consume` runs: one thread, one connection, a queue for each handler.

Any number of processes at once is correct: the broker hands a message to one of them, and the
table of handled events settles what it hands out twice.
"""

import logging
import time
from collections.abc import Sequence
from threading import Event as Flag
from typing import Final

from django.db import connection

from sagas.bus import Bus, Delivery, Source, Subscription, dead_letters, handling
from sagas.bus.dead_letters import Failure
from sagas.bus.events import Event, Handler
from sagas.bus.models import DeadLetter
from sagas.bus.reading import UnreadableMessage, read

logger = logging.getLogger(__name__)

DRAIN: Final = 0.5
"""Seconds to wait for messages before retries are looked at: what SIGTERM is late by, too."""

RETRIES_INTERVAL: Final = 0.5
"""Seconds between two looks for retries that are due, however many messages there are."""

PAUSES: Final = (0.2, 10.0)
"""Seconds after an error of the broker or the database, doubled from the first to the last."""

CLEANING_INTERVAL: Final = 3600.0
"""Seconds between two deletions of what is old."""

MOST_RETRIES: Final = 20
"""Retries in a row before new messages have their turn."""


class Consumption:
    """The handlers at work, until `stopping` is set."""

    def __init__(self, bus: Bus, handlers: Sequence[Handler], stopping: Flag) -> None:
        self._bus, self._stopping = bus, stopping
        self._by_queue = {f"{bus.exchange}.{handler.name}": handler for handler in handlers}
        self._by_name = {handler.name: handler for handler in handlers}
        self._next_retries = self._next_cleaning = 0.0

    def run(self) -> None:
        """Whatever fails, it goes on: what was not acknowledged is handed out again."""
        pause = PAUSES[0]
        while not self._stopping.is_set():
            try:
                sources = [
                    Source(queue, handler.patterns, handler.exchange)
                    for queue, handler in self._by_queue.items()
                ]
                with Subscription(self._bus, sources, self._on_delivery) as subscription:
                    logger.info("Listening: %s", ", ".join(sorted(self._by_name)))
                    while not self._stopping.is_set():
                        subscription.drain(DRAIN)
                        self._look_after_letters()
                        pause = PAUSES[0]
            except Exception as error:
                logger.warning("Events are waiting; trying again in %s s. %r", pause, error)
                connection.close()
                self._stopping.wait(pause)
                pause = min(2 * pause, PAUSES[1])
        connection.close()

    def _on_delivery(self, delivery: Delivery) -> None:
        """Whatever comes of it, it is in the database before it is acknowledged."""
        handler = self._by_queue.get(delivery.queue)
        if handler is None:
            _keep_given_up(delivery)
        elif handler.wants(delivery.routing_key):
            self._first_try(handler, delivery)
        delivery.ack()

    def _first_try(self, handler: Handler, delivery: Delivery) -> None:
        try:
            event = self._read(handler, delivery.routing_key, delivery.body)
        except UnreadableMessage as error:
            logger.warning("A message for %s is not an event: %s", handler.name, error)
            dead_letters.keep(handler.name, delivery, Failure(str(error)))
            return
        if delivery.repeated:
            # It may be what killed its process: from here on its tries are counted.
            logger.info("%s was delivered before, to %s.", event.id, handler.name)
            failure = Failure("The broker delivered it again.", seconds=0)
            dead_letters.keep(handler.name, delivery, failure, event_id=event.noted_as)
            self._next_retries = 0.0
            return
        try:
            handling.handle(handler, event)
        except Exception as error:
            failure = _failure(handler, event, error, 1)
            dead_letters.keep(handler.name, delivery, failure, event_id=event.noted_as, tries=1)

    def _look_after_letters(self) -> None:
        if time.monotonic() >= self._next_retries:
            self._next_retries = time.monotonic() + RETRIES_INTERVAL
            for _ in range(MOST_RETRIES):
                if self._stopping.is_set():
                    break
                letter = dead_letters.claim(list(self._by_name))
                if letter is None:
                    break
                self._retry(self._by_name[letter.handler], letter)
            else:
                self._next_retries = 0.0
        if time.monotonic() >= self._next_cleaning:
            self._next_cleaning = time.monotonic() + CLEANING_INTERVAL
            while handling.prune() == handling.PRUNE_BATCH:
                pass
            dead_letters.prune()

    def _retry(self, handler: Handler, letter: DeadLetter) -> None:
        if letter.tries > handler.max_tries:
            dead_letters.failed(letter, Failure("Its process died every time it was tried."))
            return
        try:
            event = self._read(handler, letter.routing_key, bytes(letter.body))
        except UnreadableMessage as error:
            dead_letters.failed(letter, Failure(str(error)))
            return
        try:
            handling.handle(handler, event, then=letter.delete)
        except Exception as error:
            dead_letters.failed(letter, _failure(handler, event, error, letter.tries))

    def _read(self, handler: Handler, routing_key: str, body: bytes) -> Event:
        is_ours = handler.exchange in ("", self._bus.exchange)
        return read(routing_key, body, is_ours=is_ours)


def _failure(handler: Handler, event: Event, error: Exception, tries: int) -> Failure:
    failure = Failure.of(error, tries, handler.max_tries)
    logger.warning(
        "%s failed at %s (%s), try %s of %s%s",
        handler.name,
        event.id,
        event.routing_key,
        tries,
        handler.max_tries,
        "" if failure.seconds is None else f"; again in {failure.seconds:.0f} s",
        exc_info=error,
    )
    connection.close()  # whatever the handler, or the database, has left it in (R22, R23)
    return failure


def _keep_given_up(delivery: Delivery) -> None:
    """What RabbitMQ put into the dead-letter exchange; it says from where (`x-death`)."""
    try:
        queue = str(delivery.headers["x-death"][0]["queue"])
    except (LookupError, TypeError):
        queue = delivery.queue
    failure = Failure("RabbitMQ gave it up: it was delivered too often, or its queue was full.")
    dead_letters.keep(queue, delivery, failure)
