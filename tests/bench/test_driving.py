"""The bench and its drivers: real processes, and the CPU of all of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench import cpu
from bench.processes import Client, Driving, Failed, Pool, driven
from sagas.devserver.child import Command
from sagas.devserver.interrupts import Interrupts

BURN = "import time\nwhile time.process_time() < 0.3: pass"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    sleeper = Command("worker", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ)
    toy = Driving("tests.bench.toy", {**os.environ, "DATABASE_URL": ""})
    with driven(tmp_path, Interrupts(), [sleeper], toy) as found:
        yield found


def test_a_driver_answers_whatever_else_is_printed_around_it(client: Client) -> None:
    assert client.ask("batch", count=3) > 0
    assert len(client.ask("single", count=4)) == 4
    log = client.supervisor.log_of("driver").read_text()
    assert "what a library prints" in log


def test_an_error_of_a_driver_is_told_and_the_next_question_answered(client: Client) -> None:
    with pytest.raises(Failed, match="batch: ValueError: less than none"):
        client.ask("batch", count=-1)
    assert client.ask("batch", count=1) > 0


def test_a_driver_that_dies_is_told(client: Client) -> None:
    with pytest.raises(Failed, match="the driver ended"):
        client.ask("batch", count=1, die=True)


def test_a_worker_that_dies_is_told(client: Client) -> None:
    client.ask("batch", count=1)
    client.supervisor.kill("worker")
    with pytest.raises(Failed, match="worker ended"):
        client.ask("hang")


def test_nothing_of_it_is_left(tmp_path: Path) -> None:
    toy = Driving("tests.bench.toy", {**os.environ, "DATABASE_URL": ""})
    with driven(tmp_path, Interrupts(), [], toy) as found:
        processes = [psutil.Process(root) for root in found.roots]
    assert not any(each.is_running() for each in processes)


def test_the_cpu_of_a_child_that_has_ended_counts() -> None:
    """Its time moves to the account of whoever reaps it."""
    before = cpu.used([os.getpid()])
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert cpu.used([os.getpid()]) - before >= 0.29


def test_a_process_below_two_roots_counts_once() -> None:
    me = os.getpid()
    assert cpu.used([me, me]) < 1.5 * cpu.used([me])


def test_a_pool_has_two_by_itself_and_says_how_many() -> None:
    assert [str(Pool.parse(text)) for text in ("prefork", "threads-8")] == [
        "prefork -c 2",
        "threads -c 8",
    ]
    for text in ("gevent", "threads-x"):
        with pytest.raises(ValueError, match="is no pool"):
            Pool.parse(text)
