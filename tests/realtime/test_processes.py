"""Real consumers and workers, killed and flooded, on both brokers."""

import itertools
import json
import random
import signal
import sys
from collections.abc import Iterator

import psutil
import pytest

from sagas.bus import Bus, Message, Publisher, dead_letters
from sagas.bus.models import DeadLetter, HandledEvent
from sagas.devserver.child import Command
from sagas.devserver.supervisor import Supervisor
from tests.realtime.brokers import Listener
from tests.realtime.consumers import consumer, environment, event, publish
from tests.realtime.probe.handlers import effects
from tests.realtime.sagas_of_tests import check_all, completed, waiting
from tests.servers import FOLDER
from tests.surroundings.marks import one_session
from tests.system.running import REPOSITORY
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]

FLOOD = 10_000
GROWTH = 32 * 1024 * 1024
"""Bytes that a consumer may have grown by after a flood: a few of its largest messages, which
Python's allocator keeps. All of them together are over 300 MB."""


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor(FOLDER / "logs" / "bus", REPOSITORY, say=lambda _: None) as found:
        yield found


def test_killed_after_the_commit_and_before_the_ack(bus: Bus, supervisor: Supervisor) -> None:
    supervisor.start(consumer("dies", environment(bus)))
    publish(bus, event("e", data="die after the commit"))
    supervisor._children["dies"].process.wait(30)
    assert effects("e") == 1
    supervisor.start(consumer("lives", environment(bus, PROBE_LIVES="1")))
    child = supervisor._children["lives"]
    wait_until(lambda: "e was delivered before" in child.logged(), "the second delivery")
    wait_until(lambda: not DeadLetter.objects.exists())
    assert effects("e") == 1


def test_what_kills_each_process_that_tries_it_comes_to_an_end(
    bus: Bus, supervisor: Supervisor
) -> None:
    supervisor.start(consumer("dies", environment(bus), kept_alive=True))
    publish(bus, event("poison", data="die"), event("good"))
    wait_until(lambda: dead_letters.dead().exists(), "the end of it")
    found = DeadLetter.objects.get(event_id="~poison")
    assert "died every time" in found.reason
    assert effects("poison") == 0
    wait_until(lambda: effects("good") == 1)


def test_sigterm_ends_it_in_order(bus: Bus, supervisor: Supervisor) -> None:
    supervisor.start(consumer("one", environment(bus)))
    publish(bus, event("e", data={"sleep": 1.5}))
    log = supervisor.log_of("one")
    wait_until(lambda: "asleep" in supervisor._children["one"].logged())
    process = supervisor._children["one"].process
    process.terminate()
    assert process.wait(15) == 0, log.read_text()
    assert effects("e") == 1
    supervisor.start(consumer("two", environment(bus)))
    publish(bus, event("next"))
    wait_until(lambda: effects("next") == 1)
    assert not DeadLetter.objects.exists(), "it was acknowledged"


def test_many_processes_at_once(bus: Bus, supervisor: Supervisor) -> None:
    mortal, env = environment(bus), environment(bus, PROBE_LIVES="1")
    supervisor.start(consumer("dies", mortal), *(consumer(f"c-{n}", env) for n in range(3)))
    deaths = itertools.cycle(["die", "die after the commit"])
    events = [event(f"e-{n}", data=death) for n, death in zip(range(150), deaths, strict=False)]
    publish(bus, *events, *random.sample(events, 100))
    supervisor._children["dies"].process.wait(30)
    if bus.is_amqp:
        # At any moment. On Redis there is one, between Kombu's BRPOP and its note of the message,
        # that loses it (docs/events.md), and it is long for the first message of a process.
        supervisor.kill("c-0")
    wait_until(lambda: HandledEvent.objects.count() == 150)
    wait_until(lambda: not DeadLetter.objects.exists())
    assert effects() == 150


def garbage(number: int, luck: random.Random) -> Message:
    """Forged, garbled or oversized, a third each; one in a hundred of the last is really large."""
    match number % 3:
        case 0:
            body = {"id": f"f-{number}", "saga_id": f"s-{number}", "seq": 1, "data": {"a": 1}}
            return Message("m", "probe.saga.completed", json.dumps(body).encode())
        case 1:
            return Message("m", "probe.x", luck.randbytes(luck.randrange(300)))
        case _:
            size = 3_000_000 if number % 100 == 2 else 30_000
            return Message("m", "probe.x", b'{"id": "' + b"x" * size + b'"}')


@pytest.mark.timeout(900)
def test_a_flood_of_garbage_has_no_effect(bus: Bus, supervisor: Supervisor) -> None:
    supervisor.start(consumer("one", environment(bus)))
    process = psutil.Process(supervisor.pid_of("one"))
    luck = random.Random(1)

    def flood(numbers: range) -> None:
        before = DeadLetter.objects.count()
        with Publisher(bus) as publisher:
            for begin in range(numbers.start, numbers.stop, 50):
                batch = range(begin, min(begin + 50, numbers.stop))
                publisher.publish([garbage(number, luck) for number in batch])
        wait_until(lambda: DeadLetter.objects.count() == before + len(numbers), "all in the table")

    flood(range(1000))
    at_first = process.memory_info().rss
    for begin in range(1000, FLOOD + 1000, 2000):
        flood(range(begin, min(begin + 2000, FLOOD + 1000)))
    grown = process.memory_info().rss - at_first
    print(f"{at_first / 2**20:.0f} MB, and {grown / 2**20:+.1f} MB after {FLOOD} messages")
    publish(bus, event("good"))
    wait_until(lambda: effects("good") == 1)
    assert effects() == 1
    assert process.is_running()
    assert grown < GROWTH


def worker(name: str, env: dict[str, str]) -> Command:
    argv = [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--pool", "solo"]
    argv += ["-n", f"{name}@%h", "--loglevel", "INFO", "--queues", "nobody's"]
    return Command(name, argv, env, ready=lambda said: " ready." in said)


@one_session
def test_the_next_worker_relays_when_the_active_one_is_killed(
    bus: Bus, supervisor: Supervisor, listener: Listener
) -> None:
    names = ("w-1", "w-2")
    supervisor.start(*(worker(name, environment(bus)) for name in names))

    def active() -> list[str]:
        return [
            name for name in names if "now relays the events" in supervisor._children[name].logged()
        ]

    completed("before")
    wait_until(lambda: waiting() == 0)
    assert len(active()) == 1
    [killed] = active()
    for number in range(10):
        completed(f"during-{number}")
    supervisor.kill(killed, signal.SIGKILL)
    completed("after")
    wait_until(lambda: waiting() == 0)
    wait_until(lambda: active() == list(names), "the next one relays")
    listener.rest()
    check_all(listener, ["before", "after", *(f"during-{n}" for n in range(10))])
