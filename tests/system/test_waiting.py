"""Sagas that are started one by one while the workers have no time, and then go in step."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sagas.worker.hints import TOGETHER
from tests.system.probe.published import published
from tests.system.running import WORKERS, Heard, Running, hear_tasks
from tests.waiting import wait_until

MANY = 40
TASK = "company.only"
LONG = 200.0
"""Seconds: for a machine that is busy with other things. The lease of their step is longer."""

pytestmark = pytest.mark.timeout(2 * LONG)


def start_many(running: Running, count: int, **context: Any) -> str:
    """So many, each by a request of its own; what the keys of all begin with."""
    prefix = f"together-{uuid4().hex[:8]}"
    url = f"{running.web_url}/api/v1/sagas"
    with httpx.Client(headers=running.headers, trust_env=False, timeout=60) as client:
        for number in range(count):
            body = {"saga_type": "company", "saga_id": f"{prefix}-{number}", "context": context}
            client.post(url, json=body).raise_for_status()
    return prefix


def end_of_all(running: Running, prefix: str, count: int) -> None:
    """Until all have completed."""
    statement = "SELECT count(*) FROM sagas_sagaexecution WHERE saga_id LIKE %s AND status = %s"
    wait_until(
        lambda: running.sql(statement, f"{prefix}-%", "completed") == [(count,)],
        f"{count} of {prefix} completed",
    )


def holders(running: Running, prefix: str) -> list[str]:
    """Who claimed, of each claim: those of one process and one message are the same."""
    statement = (
        "SELECT data->>'holder' FROM sagas_sagaevent e JOIN sagas_sagaexecution x"
        " ON x.id = e.execution_id WHERE e.type = 'step.claimed' AND saga_id LIKE %s"
    )
    return [holder for (holder,) in running.sql(statement, f"{prefix}-%")]


@contextmanager
def without_workers(running: Running) -> Iterator[None]:
    """Within the block no worker does anything."""
    for name in WORKERS:
        running.supervisor.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in WORKERS:
            running.supervisor.kill(name, signal.SIGCONT)


def test_those_whose_messages_wait_together_are_claimed_together(running: Running) -> None:
    """Each alone would be claimed by a holder of its own. How many go together depends on who
    takes them first: often two, sometimes six."""

    def claimed_by_fewer() -> bool:
        with without_workers(running):
            prefix = start_many(running, MANY)
        end_of_all(running, prefix, MANY)
        found = holders(running, prefix)
        assert len(found) == MANY, "each once"
        return len(set(found)) < MANY * 3 / 4

    wait_until(claimed_by_fewer, "fewer holders than claims")


def test_each_of_them_is_seen_as_the_task_of_its_message(running: Running) -> None:
    """And nothing else is seen. A message may be repeated before it is taken: then it is a task,
    too."""
    before = len(published(running.folder, TASK))
    prefix: list[str] = []
    whole = ["task-received", "task-started", "task-succeeded"]

    def begin() -> None:
        with without_workers(running):
            prefix.append(start_many(running, MANY))

    def is_all(heard: Heard) -> bool:
        sent = published(running.folder, TASK)[before:]
        kinds = {task: sorted(event["type"] for event in heard.get(task, ())) for task in sent}
        return len(sent) >= MANY and all(kind == whole for kind in kinds.values())

    heard = hear_tasks(running, begin, is_all, within=LONG)
    end_of_all(running, prefix[0], MANY)
    named = {task for task, events in heard.items() if any(e.get("name") == TASK for e in events)}
    # Of earlier tests, too: the repeated message of a saga that has completed may still be taken.
    others = named - set(published(running.folder, TASK))
    assert not others, f"{len(others)} tasks that no message was sent for"


def test_r4_a_child_that_dies_amid_them_delays_no_more_than_those(running: Running) -> None:
    """All that it had claimed is reported as lost, and tried again long before a lease ends."""

    def took_others_with_it() -> bool:
        with without_workers(running):
            before = start_many(running, MANY // 2)
            mortal = start_many(running, 1, dies=True)
            after = start_many(running, MANY // 2)
        for prefix, count in ((before, MANY // 2), (mortal, 1), (after, MANY // 2)):
            end_of_all(running, prefix, count)
        assert len(holders(running, mortal)) == 2
        others = holders(running, before) + holders(running, after)
        assert len(others) <= MANY + TOGETHER
        return len(others) > MANY

    wait_until(took_others_with_it, "a death that others were claimed beside")
