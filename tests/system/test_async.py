"""Async actions in real workers of each pool: they end as sync ones do, and share a loop."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from tests.realtime.brokers import Broker
from tests.system.alone import alone, start, wait_for_end
from tests.system.running import Running, worker
from tests.waiting import is_alive, wait_until

pytestmark = pytest.mark.timeout(300)

POOLS = ["prefork", "threads", "solo"]
MANY = 100
RAISED = ["CancelledError", "SystemExit", "KeyboardInterrupt", "MemoryError", "Reject", "OSError"]


@pytest.fixture(scope="module")
def running(valkey: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with alone(valkey.bus.url, tmp_path_factory.mktemp("async")) as found:
        yield found


@contextmanager
def at_work(running: Running, pool: str) -> Iterator[None]:
    """What was started is played to its end within the block, and the worker ends with it."""
    name = f"{pool}-{uuid4().hex[:6]}"
    running.supervisor.start(worker(name, running.env, "--pool", pool))
    try:
        pid = running.supervisor.pid_of(name)
        wait_for_end(running, name)
        assert running.supervisor.pid_of(name) == pid
        yield
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not is_alive(pid), "the end of the worker")
    finally:
        running.supervisor.stop(name)


def status(running: Running, saga_id: str) -> str:
    [(found,)] = running.sql("SELECT status FROM sagas_sagaexecution WHERE saga_id = %s", saga_id)
    return str(found)


def failures(running: Running, saga_id: str) -> list[tuple[str, str, str, str]]:
    """(step, error, kind, effect) of each that was retried."""
    found: list[Any] = running.sql(
        "SELECT e.step, e.data -> 'failure' ->> 'error', e.data -> 'failure' ->> 'kind', "
        "e.data ->> 'effect' FROM sagas_sagaevent AS e "
        "JOIN sagas_sagaexecution AS x ON x.id = e.execution_id "
        "WHERE e.type = 'step.retrying' AND x.saga_id = %s ORDER BY e.seq",
        saga_id,
    )
    return found


def loops(running: Running, saga_id: str) -> set[str]:
    """The process and the loop of each call."""
    lines = (running.folder / f"{saga_id}.journal").read_text().splitlines()
    return {line.split()[-1] for line in lines}


@pytest.mark.parametrize("pool", POOLS)
def test_r4_s4_they_end_as_sync_ones_do(pool: str, running: Running) -> None:
    scripts = {
        "ok": {},
        "rejected": {"c": "reject"},
        "unreachable": {"b:1": "unreachable"},
        "hung": {"b:1": "hang"},
        "hung-undo": {"c": "reject", "undo_a:1": "hang"},
        "leaking": {"b": "leak"},
        **{error: {"b:1": f"raise {error}"} for error in RAISED},
    }
    start(running, {f"{pool}-{k}": v for k, v in scripts.items()}, "async_probe")
    asked = {"asked": {"a:1": "hang"}, "told": {"a:1": "hang", "told": True}}
    start(running, {f"{pool}-{k}": v for k, v in asked.items()}, "async_asked")
    start(running, {f"{pool}-items": {}}, "async_items", items=[1, 2, 3])
    with at_work(running, pool):
        pass

    ended = {key: status(running, f"{pool}-{key}") for key in [*scripts, *asked, "items"]}
    undone = {key for key, found in ended.items() if found == "compensated"}
    assert undone == {"rejected", "hung-undo"}
    assert set(ended.values()) == {"completed", "compensated"}
    journal = {key: running.journal(f"{pool}-{key}") for key in [*scripts, *asked]}
    calls = [f"{step} action 1" for step in "abc"]
    assert journal["ok"] == calls
    assert journal["rejected"] == [*calls, "b compensation 1", "a compensation 1"]
    assert failures(running, f"{pool}-unreachable")[0][1:] == (
        "Unreachable",
        "unreachable",
        "none",
    )

    timeout = ("SoftTimeLimitExceeded", "unknown", "possible")
    assert failures(running, f"{pool}-hung") == [("b", *timeout)]
    assert journal["hung"] == [
        "a action 1",
        "b action 1",
        "b ended 1",
        "b action 2",
        "c action 1",
    ]
    assert journal["hung-undo"][-3:] == ["a compensation 1", "a ended 1", "a compensation 2"]
    for error in RAISED:
        assert failures(running, f"{pool}-{error}") == [("b", error, "unknown", "possible")]

    assert journal["leaking"] == ["a action 1", "b action 1", "b ended 1", "c action 1"]
    asked_once = ["a action 1", "a ended 1", "a asked 2"]
    assert journal["asked"] == [*asked_once, "a action 2", "b action 1"]
    assert journal["told"] == [*asked_once, "b action 1"]


@pytest.mark.parametrize("pool", POOLS)
def test_many_share_one_loop_a_thread_which_is_closed_with_its_process(
    pool: str, running: Running
) -> None:
    ids = [f"{pool}-many-{number}" for number in range(MANY)]
    clients = running.folder / "clients.journal"
    clients.unlink(missing_ok=True)
    start(running, {each: {"b": "nap"} for each in ids}, "async_probe")
    with at_work(running, pool):
        assert "closed" not in clients.read_text()
    assert {status(running, each) for each in ids} == {"completed"}
    used = set().union(*(loops(running, each) for each in ids))
    assert len(used) <= (1 if pool == "solo" else 2)
    lines = clients.read_text().splitlines()
    assert {line.split()[1] for line in lines} >= used
    assert sorted(line.split()[0] for line in lines) == sorted(["opened", "closed"] * len(used))


def test_r4_one_that_goes_on_is_ended_with_its_process(running: Running) -> None:
    """And one that blocks its loop is told as a sync one is."""
    start(running, {"on": {"b:1": "hang on"}, "blocking": {"b:1": "block"}}, "async_probe")
    with at_work(running, "prefork"):
        lines = (running.folder / "blocking.journal").read_text().splitlines()
        [blocked] = [line.split()[-1] for line in lines if line.startswith("b action 1 ")]
        assert is_alive(int(blocked.split("/")[0])), "its process goes on"
    assert (status(running, "on"), status(running, "blocking")) == ("completed", "completed")
    assert failures(running, "on") == [("b", "WorkerLost", "unknown", "possible")]
    timeout = ("b", "SoftTimeLimitExceeded", "unknown", "possible")
    assert failures(running, "blocking") == [timeout]
