"""Sagas that are started one by one while the workers have no time, and then go in step."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from tasks.hints import TOGETHER
from tests.system.running import LIMIT, WORKERS, Heard, Running, hear_tasks

MANY = 40
TASK = "heap.only"


def start_many(running: Running, count: int, **context: Any) -> str:
    """So many, each by a request of its own; what the keys of all begin with."""
    prefix = f"together-{uuid4().hex[:8]}"
    for number in range(count):
        body = {"saga_type": "heap", "saga_id": f"{prefix}-{number}"}
        running.post({**body, "context": {"seconds": 0, **context}}).raise_for_status()
    return prefix


def end_of_all(running: Running, prefix: str, count: int) -> None:
    """Until all have completed."""
    statement = "SELECT count(*) FROM sagas_sagaexecution WHERE saga_id LIKE %s AND status = %s"
    deadline = time.monotonic() + LIMIT
    while running.sql(statement, f"{prefix}-%", "completed") != [(count,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def holders(running: Running, prefix: str) -> list[str]:
    """Who claimed, of each claim: those of one process and one message are the same."""
    statement = (
        "SELECT data->>'holder' FROM sagas_sagaevent e JOIN sagas_sagaexecution x"
        " ON x.id = e.execution_id WHERE e.type = 'step.claimed' AND saga_id LIKE %s"
    )
    return [holder for (holder,) in running.sql(statement, f"{prefix}-%")]


@contextmanager
def without_workers(running: Running) -> Iterator[None]:
    """Within the block no worker does anything. Both know that the step is quick."""
    end_of_all(running, start_many(running, 2 * MANY), 2 * MANY)
    for name in WORKERS:
        running.supervisor.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in WORKERS:
            running.supervisor.kill(name, signal.SIGCONT)


def until_quick(together: Callable[[], bool]) -> None:
    """Until they were: on a machine that is busy with other things no action is quick."""
    deadline = time.monotonic() + LIMIT
    while not together():
        assert time.monotonic() < deadline


def test_those_whose_messages_wait_together_are_claimed_together(running: Running) -> None:
    def claimed_by_fewer() -> bool:
        """Each alone would be claimed by a holder of its own. How many go together depends on who
        takes them first: often two, sometimes six."""
        with without_workers(running):
            prefix = start_many(running, MANY)
        end_of_all(running, prefix, MANY)
        found = holders(running, prefix)
        assert len(found) == MANY, "each once"
        return len(set(found)) < MANY * 3 / 4

    until_quick(claimed_by_fewer)


def test_each_of_them_is_seen_as_the_task_of_its_message(running: Running) -> None:
    prefix: list[str] = []

    def begin() -> None:
        with without_workers(running):
            prefix.append(start_many(running, MANY))

    def kinds(heard: Heard) -> list[list[str]]:
        """Of each of their tasks."""
        return [
            sorted(each["type"] for each in events)
            for events in heard.values()
            if any(prefix[0] in each.get("args", "") for each in events)
        ]

    whole = ["task-received", "task-started", "task-succeeded"]
    heard = hear_tasks(running, begin, lambda heard: kinds(heard).count(whole) == MANY)
    assert kinds(heard) == [whole] * MANY, "no task but those that a message was sent for"


def test_r4_a_child_that_dies_amid_them_delays_no_more_than_those(running: Running) -> None:
    """All that it had claimed is reported as lost, and tried again long before a lease ends."""

    def took_others_with_it() -> bool:
        with without_workers(running):
            before = start_many(running, MANY // 2)
            mortal = start_many(running, 1, dies=True)
            after = start_many(running, MANY // 2)
        began = time.monotonic()
        for prefix, count in ((before, MANY // 2), (mortal, 1), (after, MANY // 2)):
            end_of_all(running, prefix, count)
        assert time.monotonic() - began < LIMIT / 4
        assert len(holders(running, mortal)) == 2
        others = holders(running, before) + holders(running, after)
        assert len(others) <= MANY + TOGETHER
        return len(others) > MANY

    until_quick(took_others_with_it)
