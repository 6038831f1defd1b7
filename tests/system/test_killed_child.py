"""A child that dies in an attempt is reported by its worker, long before its lease ends."""

import os
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.system.running import WORKERS, Running
from tests.waiting import wait_until

AT_ONCE = 100.0
"""Seconds: many for a busy machine, and less than the 305 of the lease of these tests' steps."""


def start_waiting(running: Running, saga_type: str, step: str) -> str:
    """A saga whose `step` is being run and waits at its gate; each further attempt succeeds."""
    saga_id = running.start(saga_type, {f"{step}:1": "wait"})
    running.wait_for_call(saga_id, f"{step} action 1")
    return saga_id


def moment(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["at"])


def test_r4_a_killed_child_is_reported_at_once(running: Running) -> None:
    """The lease of this step is 35 seconds: it can't be what helps."""
    saga_id = start_waiting(running, "slow", "a")
    killed_at = time.monotonic()
    os.kill(running.process_of_last_call(saga_id), signal.SIGKILL)
    retrying = running.wait_for(saga_id, "step.retrying", "a")
    found = running.end_of(saga_id)
    assert time.monotonic() - killed_at < AT_ONCE
    assert retrying["data"]["failure"]["error"] == "WorkerLost"
    assert retrying["data"]["effect"] == "possible"
    assert not retrying["data"]["reported"], "not by the holder"
    assert found["status"] == "completed"
    assert running.journal(saga_id) == ["a action 1", "a action 2", "b action 1"]


def test_r4_a_child_killed_in_a_step_that_ran_on_is_reported_at_once(running: Running) -> None:
    """No message told its worker of that step."""
    saga_id = running.start("slow", {"b:1": "wait"})
    running.wait_for_call(saga_id, "b action 1")
    killed_at = time.monotonic()
    os.kill(running.process_of_last_call(saga_id), signal.SIGKILL)
    assert running.end_of(saga_id)["status"] == "completed"
    assert time.monotonic() - killed_at < AT_ONCE
    assert running.journal(saga_id) == ["a action 1", "b action 1", "b action 2"]


def test_r4_a_child_killed_in_a_compensation_is_reported_at_once(running: Running) -> None:
    saga_id = running.start("slow", {"b": "reject", "undo_a:1": "wait"})
    running.wait_for_call(saga_id, "a compensation 1")
    killed_at = time.monotonic()
    os.kill(running.process_of_last_call(saga_id), signal.SIGKILL)
    assert running.end_of(saga_id)["status"] == "compensated"
    assert time.monotonic() - killed_at < AT_ONCE
    assert running.journal(saga_id)[-1] == "a compensation 2"


@pytest.mark.parametrize("move", ["hang on", "compute"])
def test_r4_a_step_beyond_its_hard_limit_is_reported_once_its_process_has_ended(
    running: Running, move: str
) -> None:
    """Its attempt is asked to end after a second, ended after three; its lease is six. That it runs
    no Python any more keeps nobody from ending it."""
    saga_id = running.start(script={"b:1": move})
    claimed = running.wait_for(saga_id, "step.claimed", "b")
    running.wait_for_call(saga_id, "b action 1")
    process = running.process_of_last_call(saga_id)
    retrying = running.wait_for(saga_id, "step.retrying", "b")
    assert not psutil.pid_exists(process)
    assert retrying["data"]["failure"]["error"] == "WorkerLost"
    assert (moment(retrying) - moment(claimed)).total_seconds() >= 3
    assert running.end_of(saga_id)["status"] == "completed"


def test_a_report_that_waits_for_the_database_does_not_hold_up_the_worker(
    running: Running,
) -> None:
    """Its only worker goes on with others while somebody else holds the saga's row."""
    running.supervisor.stop(WORKERS[1])
    try:
        saga_id = start_waiting(running, "slow", "a")
        with psycopg.connect(running.env["DATABASE_URL"]) as session:
            session.execute(
                "SELECT FROM sagas_sagaexecution WHERE saga_id = %s FOR UPDATE", [saga_id]
            )
            os.kill(running.process_of_last_call(saga_id), signal.SIGKILL)
            began = time.monotonic()
            assert running.end_of(running.start())["status"] == "completed"
            assert time.monotonic() - began < AT_ONCE
        found = running.end_of(saga_id)
    finally:
        running.supervisor.restart(WORKERS[1])
    assert found["status"] == "completed"
    assert found["steps"][0]["error"]["error"] == "WorkerLost"


def test_r16_a_child_that_dies_while_its_worker_stops_is_reported(running: Running) -> None:
    """Its wake loop has ended by then."""
    saga_id = start_waiting(running, "slow", "a")
    name = running.worker_of_last_call(saga_id)
    process = running.process_of_last_call(saga_id)
    log = running.supervisor.log_of(name)
    logged_before = log.stat().st_size
    os.kill(running.supervisor.pid_of(name), signal.SIGTERM)
    try:
        wait_for_line(log, logged_before, "Warm shutdown")
        os.kill(process, signal.SIGKILL)
        retrying = running.wait_for(saga_id, "step.retrying", "a")
    finally:
        running.supervisor.restart(name)
    assert retrying["data"]["failure"]["error"] == "WorkerLost"
    assert running.end_of(saga_id)["status"] == "completed"


def test_r5_a_worker_that_is_stopped_for_longer_than_its_lease_is_shut_out(
    running: Running,
) -> None:
    saga_id = start_waiting(running, "held", "b")
    name = running.worker_of_last_call(saga_id)
    running.supervisor.kill(name, signal.SIGSTOP)
    try:
        found = running.end_of(saga_id)
    finally:
        running.supervisor.kill(name, signal.SIGCONT)
    assert found["status"] == "completed"
    assert found["steps"][1]["error"]["error"] == "LeaseExpired"
    assert found["context"]["b"] == 2
    late = wait_for_late(running, saga_id)
    assert late == [("b", found["last_seq"] + 1)], "after the end, and once"
    assert running.show(saga_id)["context"] == found["context"]


def wait_for_late(running: Running, saga_id: str) -> list[tuple[str, int]]:
    """Its late reports: the sockets of an execution that has ended are closed, so by SQL."""
    late = (
        "SELECT step, seq FROM sagas_sagaevent WHERE type = 'step.late' AND execution_id = "
        "(SELECT id FROM sagas_sagaexecution WHERE saga_id = %s)"
    )
    found: list[tuple[str, int]] = wait_until(lambda: running.sql(late, saga_id), "a late report")
    return found


def wait_for_line(log: Path, after: int, words: str) -> None:
    """Until these words stand in a log, behind its first `after` bytes."""
    wait_until(lambda: words.encode() in log.read_bytes()[after:], f"{words!r} in {log}")
