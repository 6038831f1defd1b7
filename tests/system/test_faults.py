"""Whatever is killed, lost, doubled or late, a saga ends right: real workers, real faults."""

import json
import os
import signal
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from tests.system.running import WORKERS, Running


def test_a_saga_crosses_its_steps_in_order(running: Running) -> None:
    saga_id = running.start("wide")
    assert running.end_of(saga_id)["status"] == "completed"
    calls = running.journal(saga_id)
    assert calls[0] == "a action 1"
    assert calls[-1] == "e action 1"
    assert sorted(calls[1:-1]) == ["b action 1", "c action 1", "d action 1"]


def test_s6_a_refused_step_undoes_what_was_done(running: Running) -> None:
    saga_id = running.start(script={"c": "reject"})
    found = running.end_of(saga_id)
    assert found["status"] == "compensated"
    assert found["error"]["because"] == "c"
    assert running.journal(saga_id)[-2:] == ["b compensation 1", "a compensation 1"]


def test_a_failed_attempt_leaves_its_traceback_and_a_success_no_row(running: Running) -> None:
    saga_id = running.start(script={"b:1": "unreachable"})
    assert running.end_of(saga_id)["status"] == "completed"
    rows = running.sql(
        "SELECT task_name, status, traceback FROM django_celery_results_taskresult "
        "WHERE task_args LIKE %s",
        f"%{saga_id}%",
    )
    assert [(name, status) for name, status, _ in rows] == [("probe.b", "FAILURE")]
    assert "be_unreachable" in rows[0][2]


def test_r17_a_result_that_cannot_be_stored_is_tried_again(running: Running) -> None:
    saga_id = running.start(script={"b:1": "nan"})
    found = running.end_of(saga_id)
    assert found["status"] == "completed"
    assert found["steps"][1]["error"]["error"] == "NotStorable"


def test_an_attempt_that_outlives_its_timeout_is_ended_and_tried_again(running: Running) -> None:
    saga_id = running.start(script={"b:1": "hang"})
    found = running.end_of(saga_id)
    assert found["status"] == "completed"
    assert found["steps"][1]["error"]["error"] == "SoftTimeLimitExceeded"


def test_r4_a_process_killed_in_an_action_costs_one_attempt(running: Running) -> None:
    saga_id = running.start(script={"b:1": "kill"})
    found = running.end_of(saga_id)
    assert found["status"] == "completed"
    assert found["steps"][1]["attempts"] == 2
    assert found["steps"][1]["error"]["error"] == "WorkerLost"


def test_r18_a_step_that_kills_its_worker_each_time_gives_up_and_is_undone(
    running: Running,
) -> None:
    saga_id = running.start(script={"b": "kill"})
    found = running.end_of(saga_id)
    assert found["status"] == "compensated"
    assert running.journal(saga_id) == [
        "a action 1",
        "b action 1",
        "b action 2",
        "b compensation 1",
        "a compensation 1",
    ]


def test_r4_l3_a_whole_worker_killed_in_mid_action_is_made_good_by_the_other(
    running: Running,
) -> None:
    saga_id = running.start("held", {"b:1": "wait"})
    running.wait_for(saga_id, "step.claimed", "b")
    running.wait_for_call(saga_id, "b action 1")
    name = running.worker_of_last_call(saga_id)
    running.supervisor.kill(name, signal.SIGKILL)
    try:
        found = running.end_of(saga_id)
    finally:
        running.supervisor.restart(name)
    assert found["status"] == "completed"
    assert found["steps"][1]["error"]["error"] == "LeaseExpired"
    assert running.journal(saga_id) == ["a action 1", "b action 1", "b action 2"]


def test_r2_a_purged_queue_costs_a_delay_and_no_saga(running: Running) -> None:
    """Nobody consumes while the queue fills, so every hint of these sagas is lost."""
    for name in WORKERS:
        running.supervisor.stop(name)
    sagas = [running.start() for _ in range(5)]
    assert running.purge() >= len(sagas)
    for name in WORKERS:
        running.supervisor.restart(name)
    assert [running.end_of(saga_id)["status"] for saga_id in sagas] == ["completed"] * 5


def test_r5_r12_a_result_after_the_lease_is_late_and_changes_nothing(running: Running) -> None:
    saga_id = running.start("slow", {"a:1": "wait", "b": "wait"})
    running.wait_for(saga_id, "step.claimed", "a")
    running.sql(
        "UPDATE sagas_sagaexecution SET wake_at = now(), "
        "steps = jsonb_set(steps, '{a,lease_until}', '\"2020-01-01T00:00:00+00:00\"') "
        "WHERE saga_id = %s",
        saga_id,
    )
    running.wait_for(saga_id, "step.succeeded", "a")
    running.open_gate(saga_id, "a")
    late = running.wait_for(saga_id, "step.late", "a")
    assert late["data"]["succeeded"]
    running.open_gate(saga_id, "b")
    found = running.end_of(saga_id)
    assert found["status"] == "completed"
    assert found["context"]["a"] == 2, "the second attempt's result stands"


def test_r16_sigterm_lets_a_running_step_finish(running: Running) -> None:
    running.supervisor.stop(WORKERS[1])
    try:
        saga_id = running.start("slow", {"a:1": "wait"})
        running.wait_for(saga_id, "step.claimed", "a")
        os.kill(running.supervisor.pid_of(WORKERS[0]), signal.SIGTERM)
        running.open_gate(saga_id, "a")
        running.wait_for(saga_id, "step.succeeded", "a")
    finally:
        for name in WORKERS:
            running.supervisor.restart(name)
    found = running.end_of(saga_id)
    assert found["status"] == "completed"
    assert [step["attempts"] for step in found["steps"]] == [1, 1]


@pytest.mark.parametrize(
    ("args", "task"),
    [
        ([], "slow.a"),
        (["x", "y"], "slow.a"),
        ([None, 10**30], "slow.a"),
        ([{"a": 1}, [2]], "slow.a"),
        ([-1, -1], "slow.a"),
        ([1, 2, 3], "slow.a"),
        ("EXECUTION 0", "slow.b"),
        ("EXECUTION 7", "slow.a"),
        ("EXECUTION 0", "slow.a.compensate"),
        ("EXECUTION 0", "probe.c"),
        ("EXECUTION 0", "no.such.task"),
    ],
)
def test_r20_a_forged_or_garbled_message_does_no_more_than_a_hint(
    running: Running, args: Any, task: str
) -> None:
    saga_id = running.start("slow", {"a:1": "wait"})
    running.wait_for(saga_id, "step.claimed", "a")
    if isinstance(args, str):
        [(execution_id,)] = running.sql(
            "SELECT id FROM sagas_sagaexecution WHERE saga_id = %s", saga_id
        )
        args = [execution_id, int(args.split()[1])]
    publish(running, task, args)
    running.open_gate(saga_id, "a")
    assert running.end_of(saga_id)["status"] == "completed"
    assert running.journal(saga_id) == ["a action 1", "b action 1"]


def test_r20_a_message_that_is_no_task_at_all_harms_nobody(running: Running) -> None:
    publish(running, "slow.a", None, raw=b"\xff\x00 not json")
    saga_id = running.start()
    assert running.end_of(saga_id)["status"] == "completed"


def publish(running: Running, task: str, args: Any, raw: bytes | None = None) -> None:
    """A message of somebody else's, straight onto the queue."""
    headers = {"task": task, "id": f"forged-{task}", "lang": "py", "argsrepr": "", "root_id": None}
    body = json.dumps([args, {}, {}]).encode() if raw is None else raw
    with Connection(running.env["CELERY_BROKER_URL"]) as broker:
        broker.Producer().publish(
            body,
            headers=headers,
            exchange="sagas",
            routing_key="sagas",
            declare=[Queue("sagas", Exchange("sagas", type="direct"), routing_key="sagas")],
            content_type="application/json",
            content_encoding="utf-8",
        )
