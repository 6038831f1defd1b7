"""The relay: from the committed event to the bus, at least once, in each saga's order.

A thread of each worker's main process runs one. One of them is active at a time, by an advisory
lock of PostgreSQL; the others stand by. Two at once would be correct, too: see
`sagas.engine.relaying`. Nothing is kept in memory but what was published while its row was held.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from threading import Event
from typing import Final

from sagas import engine, queries
from sagas.bus import Bus, Publisher
from sagas.bus.envelope import message, routing_key

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.1
"""Seconds between two looks, unless the last one left something: what an event may be late by. A
look that finds nothing reads an empty index. Sooner, and under load each of them would find only
a few events of many sagas, and mark the same sagas again and again."""

STANDBY_INTERVAL: Final = 1.0
"""Seconds between two tries to become the active one: how long nobody relays after its death."""

EXECUTIONS: Final = 100
"""Executions to a batch, half of them the oldest sagas, half the newest."""

EACH: Final = 20
"""Events of one execution to a batch: a saga of five steps has 17. Two thousand of ordinary ones
are a megabyte, and of a context's full size half a gigabyte at the worst."""

PAUSES: Final = (0.2, 10.0)
"""Seconds after an error, doubled from the first to the last. Below the silence after which
PostgreSQL would end the session; a broker that is back is noticed within the last."""

LAG_INTERVAL: Final = 30.0
"""Seconds between two looks at how far the bus is behind."""

LAG_BOUND: Final = 60.0
"""Seconds of lag from which on it is logged."""

MOST_UNMARKED: Final = 10_000
"""Executions whose rows were held when their events were published. They are marked at the next
look; if there are ever so many, they are forgotten, and their events published once more."""


class Relay:
    """Its look, and what it remembers between two of them. For one thread."""

    def __init__(self, connect: Callable[[], Publisher]) -> None:
        self._connect = connect
        self._publisher: Publisher | None = None
        self._unmarked: dict[int, int] = {}
        self.is_behind = False
        """Whether the last look may have left something."""

    def look(self) -> int:
        """Publishes one batch; how many events it had. No transaction is open meanwhile."""
        events = queries.unrelayed(EXECUTIONS, EACH, self._unmarked)
        counts = Counter(event.execution_id for event in events)
        self.is_behind = len(counts) >= EXECUTIONS or EACH in counts.values()
        if events:
            if self._publisher is None:
                self._publisher = self._connect()
            keys = self._publisher.reaching({routing_key(event) for event in events})
            self._publisher.publish([message(e) for e in events if routing_key(e) in keys])
            self._unmarked.update({event.execution_id: event.seq for event in events})
        if self._unmarked:
            marked = engine.mark_relayed(self._unmarked)
            kept = {key: seq for key, seq in self._unmarked.items() if key not in marked}
            self._unmarked = kept if len(kept) <= MOST_UNMARKED else {}
        return len(events)

    def close(self) -> None:
        """Ends its connections, and with them its lead: another may reach the broker. What it
        remembers stays true."""
        engine.leave_relay()
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None


def run(bus: Bus, stopping: Event) -> None:
    """Relays, or stands by, until `stopping` is set. Whatever fails, it goes on."""
    relay = Relay(lambda: Publisher(bus))
    leads, pause = False, PAUSES[0]
    next_lag = time.monotonic() + LAG_INTERVAL
    try:
        while not stopping.is_set():
            try:
                if time.monotonic() >= next_lag:
                    next_lag = time.monotonic() + LAG_INTERVAL
                    _tell_lag()
                led = leads
                with engine.turn_to_relay(leads=led) as leads:
                    if leads:
                        relay.look()
                wait = STANDBY_INTERVAL
                if leads:
                    wait = 0.0 if relay.is_behind else INTERVAL
                pause = PAUSES[0]
                if leads and not led:
                    logger.info("This process now relays the events.")
            except Exception as error:
                leads, wait = False, pause
                pause = min(2 * pause, PAUSES[1])
                logger.warning(
                    "Events are waiting in the database; trying again in %s s. %r", wait, error
                )
                relay.close()
            stopping.wait(wait)
    finally:
        relay.close()


def _tell_lag() -> None:
    lag = queries.relay_lag()
    if lag.seconds > LAG_BOUND:
        logger.error(
            "The event bus is %.0f s behind: %s events of %s sagas wait. Check whether the workers "
            "can reach EVENTS_URL.",
            lag.seconds,
            lag.events,
            lag.executions,
        )
