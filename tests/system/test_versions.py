"""Old and new code side by side, as in a rolling deploy: real workers, one of which lacks the newer
version of a saga (S12, R15)."""

import signal
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from sagas.devserver.child import ProcessError
from tests.system.running import LIMIT, WORKERS, Running, manage, worker
from tests.waiting import wait_until

LACKING = {"PROBE_LACKS": "kept:2"}


@pytest.fixture
def old(running: Running) -> Iterator[str]:
    """A worker of the old code, alone."""
    name = f"worker-old-{uuid4().hex[:6]}"
    running.supervisor.stop(*WORKERS)
    try:
        running.supervisor.start(worker(name, {**running.env, **LACKING}))
        yield name
    finally:
        running.supervisor.stop(name)
        for name in WORKERS:
            running.supervisor.restart(name)


def test_s12_r15_a_worker_that_lacks_a_version_leaves_it_loudly_to_one_that_has_it(
    running: Running, old: str
) -> None:
    saga_id = running.start("kept")
    refused = f"{saga_id} is a kept in version 2, which this process does not know"
    wait_for_log(running, old, refused)
    assert running.show(saga_id)["status"] == "pending", "left as it was"
    running.supervisor.restart(WORKERS[0])
    found = hurry_to_end(running, saga_id)
    assert (found["status"], found["version"]) == ("completed", 2)
    assert running.journal(saga_id) == ["a action 1", "c action 1"]


def test_s12_r15_what_old_code_began_new_code_ends_in_its_version(
    running: Running, old: str
) -> None:
    """The worker of the old code is killed in mid-action."""
    saga_id = "kept-by-old-code"
    code = (
        "from sagas import engine, users; "
        f"engine.start('kept', {{'script': {{'b:1': 'wait'}}}}, saga_id={saga_id!r}, "
        "owner_id=users.named('tester').pk)"
    )
    running.supervisor.run(manage({**running.env, **LACKING}, "shell", "-v0", "-c", code))
    running.wait_for_call(saga_id, "b action 1")
    running.supervisor.kill(old, signal.SIGKILL)
    running.supervisor.restart(WORKERS[0])
    found = running.end_of(saga_id)
    assert (found["status"], found["version"]) == ("completed", 1)
    assert running.journal(saga_id) == ["a action 1", "b action 1", "b action 2"]


def test_s12_a_deploy_that_would_strand_what_is_live_is_stopped(running: Running) -> None:
    """The old code against a database of the new: the check, the command and `migrate` all say."""
    saga_id = running.start("kept", {"a:1": "wait"})
    running.wait_for(saga_id, "step.claimed", "a")
    env = {**running.env, **LACKING, "LOG_LEVEL": "ERROR"}
    for command, says in (
        ("check --database default", f"of 'kept', version 2 ({saga_id}"),
        ("migrate", "sagas.E003"),
        ("saga compat --type kept", "1 of 1 would break"),
    ):
        with pytest.raises(ProcessError) as stopped:
            running.supervisor.run(manage(env, *command.split()))
        running.supervisor.stop("manage")
        assert says in str(stopped.value)
    running.supervisor.run(manage(running.env, "check", "--database", "default"))
    running.open_gate(saga_id, "a")
    assert running.end_of(saga_id)["status"] == "completed"


def wait_for_log(running: Running, name: str, text: str) -> None:
    wait_until(lambda: text in running.supervisor.log_of(name).read_text(), f"{name}: {text!r}")


def hurry_to_end(running: Running, saga_id: str) -> dict[str, Any]:
    """Every hint is for either worker, and one that the wrong one takes is lost: what repeats them
    is due at once here, instead of after growing intervals."""
    for _ in range(int(LIMIT / 0.5)):
        running.sql(
            "UPDATE sagas_sagaexecution SET wake_at = now() "
            "WHERE saga_id = %s AND wake_at IS NOT NULL",
            saga_id,
        )
        if (found := running.show(saga_id))["finished_at"]:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{saga_id} did not end: {running.show(saga_id)}")
