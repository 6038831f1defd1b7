"""Operators' actions on real processes: over HTTP and at the command line, while workers work."""

import subprocess

from tests.logins import change_of
from tests.system.running import REPOSITORY, Running, manage


def post(running: Running, path: str, username: str = "operator", **body: str) -> dict[str, object]:
    """What the server answers to somebody of the staff."""
    headers = {"Authorization": f"Bearer {running.token_for(username)}"}
    running.sql(*change_of(username, "is_superuser", True))
    answer = running.request("POST", f"sagas/{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    said: dict[str, object] = answer.json()
    return said


def saga(running: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`manage.py saga …`, to its end, with nobody at the keyboard."""
    command = manage(running.env, "saga", *arguments)
    return subprocess.run(
        command.argv,
        cwd=REPOSITORY,
        env=dict(command.env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_r8_a_cancel_lets_the_running_step_settle_before_anything_is_undone(
    running: Running,
) -> None:
    saga_id = running.start("slow", {"b": "wait"})
    running.wait_for_call(saga_id, "b action 1")
    way = running.request("GET", f"sagas/{saga_id}/way-back").json()
    assert way == {"refused": "", "settling": ["b"], "stages": [["b"], ["a"]]}
    answer = running.request("POST", f"sagas/{saga_id}/cancel", json={"reason": "enough"})
    assert (answer.status_code, answer.json()["status"]) == (200, "compensating")
    assert answer.json()["current_steps"] == ["b"]
    assert running.journal(saga_id) == ["a action 1", "b action 1"], "nothing is undone yet"
    running.open_gate(saga_id, "b")
    assert running.end_of(saga_id)["status"] == "compensated"
    assert running.journal(saga_id)[2:] == ["b compensation 1", "a compensation 1"]
    again = running.request("POST", f"sagas/{saga_id}/cancel", json={"reason": "enough"})
    assert (again.status_code, again.json()["error"]) == (409, "refused")


def test_a_saga_paused_at_the_command_line_goes_on_when_it_is_resumed(running: Running) -> None:
    saga_id = running.start("slow", {"a": "wait"})
    running.wait_for_call(saga_id, "a action 1")
    done = saga(running, "pause", saga_id, "--reason", "stock-taking", "--by", "carol")
    assert (done.returncode, done.stdout) == (0, f"{saga_id}: done\n")
    running.open_gate(saga_id, "a")
    running.wait_for(saga_id, "step.succeeded", "a")
    [listed] = saga(running, "list", "--paused", "--type", "slow").stdout.splitlines()
    assert listed == f"{saga_id}  slow v1  running  paused  waits to be resumed"
    assert running.journal(saga_id) == ["a action 1"]
    assert saga(running, "resume", saga_id, "--reason", "counted").returncode == 0
    assert running.end_of(saga_id)["status"] == "completed"
    events = running.request("GET", f"sagas/{saga_id}/events").json()["events"]
    [told] = [event["data"] for event in events if event["type"] == "saga.paused"]
    assert told == {"by": "", "reason": ""}, "its owner is not told the words of staff"
    [[kept]] = running.sql(
        "SELECT e.data FROM sagas_sagaevent e JOIN sagas_sagaexecution x ON x.id = e.execution_id "
        "WHERE x.saga_id = %s AND e.type = 'saga.paused'",
        saga_id,
    )
    assert kept == {"by": "carol", "reason": "stock-taking"}


def test_what_gave_up_is_settled_and_its_saga_ends(running: Running) -> None:
    saga_id = running.start("probe", {"b": "reject", "undo_a": "reject"})
    assert running.end_of(saga_id)["gave_up"] == ["a"]
    shown = saga(running, "show", saga_id)
    assert shown.stdout.startswith(f"{saga_id}  probe v1  failed  gave up: a\n")
    assert post(running, f"{saga_id}/resolve", step="a", reason="by hand")["status"] == (
        "compensated"
    )
    refused = saga(running, "retry", saga_id, "--reason", "x")
    assert refused.returncode == 5
    assert f"{saga_id}: refused: The saga is compensated" in refused.stderr


def test_nobody_acts_on_many_without_a_condition_or_a_yes(running: Running) -> None:
    saga_id = running.start("slow", {"a": "wait"})
    running.wait_for_call(saga_id, "a action 1")
    without_condition = saga(running, "cancel", "--reason", "x", "--yes")
    assert (without_condition.returncode, without_condition.stdout) == (2, "")
    without_yes = saga(running, "cancel", "--type", "slow", "--status", "running", "--reason", "x")
    assert without_yes.returncode == 1
    assert "Add --yes" in without_yes.stderr
    assert running.show(saga_id)["status"] == "running"
    done = saga(
        running, "cancel", "--type", "slow", "--status", "running", "--reason", "x", "--yes"
    )
    assert (done.returncode, done.stdout) == (0, f"{saga_id}: done\n")
    running.open_gate(saga_id, "a")
    assert running.end_of(saga_id)["status"] == "compensated"
