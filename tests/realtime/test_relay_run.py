"""The relay's thread: who is the active one, and what it does while the broker is away."""

import threading

import pytest
from django.conf import LazySettings

from sagas import engine
from sagas.bus import Bus, relay
from tests.configured import configure
from tests.realtime.brokers import Broker, Listener
from tests.realtime.consumers import in_thread
from tests.realtime.sagas_of_tests import (
    check_all,
    completed,
    first_copies,
    waiting,
    written,
)
from tests.surroundings.marks import one_session
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


PAUSES = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4]


class Pauses(threading.Event):
    """What the relay waits by. It notes its pauses after errors, cuts them short, and holds the
    relay up after the last."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []
        self.seen_all, self.goes_on = threading.Event(), threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        if timeout in PAUSES and not self.seen_all.is_set():
            self.taken.append(timeout)
            if self.taken == PAUSES:
                self.seen_all.set()
                self.goes_on.wait(60)
        return super().wait(0.05)


def test_a_broker_that_is_away_is_asked_ever_less_often_and_caught_up_with(
    broker: Broker,
) -> None:
    """Both here and there something new happens, and nothing is kept but in the database."""
    listener = Listener(broker.bus)
    listener.close()
    stopping = Pauses()
    broker.stop()
    saga_ids = [f"s-{n}" for n in range(30)]
    for saga_id in saga_ids:
        completed(saga_id)
    thread = in_thread(relay.run, broker.bus, stopping)
    try:
        assert stopping.seen_all.wait(60)
        assert stopping.taken == PAUSES
        assert waiting() == 30 * written("s-0")
        broker.start()
        listener = Listener(broker.bus)  # Valkey comes back empty, and so without its queue
        stopping.goes_on.set()
        saga_ids.append("new")
        completed("new")
        listener.until(lambda: len(first_copies(listener)) == 31)
        listener.until(lambda: waiting() == 0)
        listener.rest()
    finally:
        stopping.set()
        stopping.goes_on.set()
        thread.join(30)
        listener.close()
    assert not thread.is_alive()
    check_all(listener, saga_ids)


class Waits(threading.Event):
    """What the relay waits by. It notes for how long, and waits for nothing."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.taken: list[float | None] = []
        self._count = count

    def wait(self, timeout: float | None = None) -> bool:
        self.taken.append(timeout)
        if len(self.taken) == self._count:
            self.set()
        return super().wait(0)


def test_it_waits_between_two_looks_unless_the_last_one_left_something(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "EXECUTIONS", 4)
    for number in range(10):
        completed(f"s-{number}")
    waits = Waits(4)
    relay.run(bus, waits)
    assert waits.taken == [0.0, 0.0, relay.INTERVAL, relay.INTERVAL], "4, 4, 2 and none"


@one_session
def test_one_leads_until_its_session_ends(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagas.engine.relaying.SILENCE", 1.0)
    led, leave = threading.Event(), threading.Event()

    def lead() -> None:
        assert engine.lead_relay()
        led.set()
        leave.wait(30)

    thread = in_thread(lead)
    try:
        assert led.wait(10)
        assert not engine.lead_relay()
        # It says nothing any more, as if its machine were gone: PostgreSQL ends its session.
        wait_until(engine.lead_relay, "the end of the silent one's lead")
    finally:
        leave.set()
        thread.join()
        engine.leave_relay()


def test_without_a_bus_nothing_is_relayed(settings: LazySettings) -> None:
    configure(settings, EVENTS_URL="")
    assert Bus.from_settings() is None
