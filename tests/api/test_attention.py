"""What needs a person, at each port: found from the top (L4), or left alone and moved (R26)."""

from typing import Any

import pytest
from django.test import Client

from sagas import engine
from sagas.machine import Failure, FailureKind, Pivot, Rejected, Saga, SagaStep, SubSaga
from sagas.models import SagaEvent, SagaExecution
from sagas.registry import registry
from tests.api.scenes import nothing
from tests.api.test_command import refused, saga
from tests.engine.driving import claim, row

pytestmark = pytest.mark.django_db(transaction=True)

WHY = ("--reason", "she knows why", "--by", "anna")


@pytest.fixture
def family(define: Any) -> int:
    """Past its pivot, with a child that failed."""
    define(Saga("mail", [SagaStep("send", nothing)]))
    define(Saga("shop", [Pivot("go", nothing), SubSaga("mail")]))
    execution_id = engine.start("shop", {}, saga_id="s").execution_id
    engine.succeed(claim(execution_id, "go"), None)
    child = SagaExecution.objects.get(saga_id="s~mail").pk
    engine.fail(claim(child, "send"), Failure.of(FailureKind.REJECTED, Rejected("no")))
    return execution_id


@pytest.fixture
def changed(define: Any) -> int:
    """`a` is done, and a step was added under the same version."""
    define(Saga("shop", [SagaStep("a", nothing, nothing), SagaStep("b", nothing)]))
    execution_id = engine.start("shop", {}, saga_id="s").execution_id
    engine.succeed(claim(execution_id, "a"), None)
    steps = [SagaStep("a", nothing, nothing), SagaStep("b", nothing), SagaStep("c", nothing)]
    registry._sagas["shop", 1] = Saga("shop", steps)
    return execution_id


def test_l4_the_api_finds_a_parent_by_its_child_and_names_it(family: int, boss: Any) -> None:
    for query in ({"attention": "true"}, {"status": "failed"}):
        [found] = boss.get("sagas", **query).json()["sagas"]
        assert (found["saga_id"], found["status"]) == ("s", "running")
    assert boss.get("sagas", attention="false").json()["sagas"] == []
    shown = boss.get("sagas/s").json()
    assert shown["attention"] == [{"saga_id": "s~mail", "reason": "failed, send gave up"}]
    assert shown["attention_count"] == 1


def test_l4_nobody_learns_of_others_trouble(family: int, alice: Any) -> None:
    assert alice.get("sagas", attention="true").json()["sagas"] == []


def test_l4_the_command_line_does_too(family: int) -> None:
    for flags in (["--attention"], ["--status", "failed"]):
        [line] = saga("list", *flags)
        assert line.startswith("s  shop v1  running")
    assert "  needs a person: s~mail: failed, send gave up" in saga("show", "s")
    assert saga("list", "--no-attention") == []


def test_l4_the_admin_and_the_metrics_do_too(family: int, admin_client: Client) -> None:
    page = admin_client.get("/admin/sagas/sagaexecution/", {"attention": "needed"})
    assert [each.saga_id for each in page.context["cl"].result_list] == ["s~mail", "s"]
    shown = admin_client.get(f"/admin/sagas/sagaexecution/{family}/change/").content.decode()
    assert "failed, send gave up" in shown
    told = admin_client.get("/metrics").content.decode()
    assert 'sagas_attention{reason="failed"} 1.0' in told
    assert 'sagas_attention{reason="below"} 1.0' in told
    assert 'sagas_attention{reason="left_alone"} 0.0' in told


def test_r26_every_port_shows_what_is_left_alone(
    changed: int, boss: Any, admin_client: Client
) -> None:
    [found] = boss.get("sagas", attention="true").json()["sagas"]
    assert found["saga_id"] == "s"
    [needed] = boss.get("sagas/s").json()["attention"]
    assert "another structure" in needed["reason"]
    assert [line.split()[0] for line in saga("list", "--attention")] == ["s"]
    assert any("another structure" in line for line in saga("show", "s"))
    told = admin_client.get("/metrics").content.decode()
    assert 'sagas_attention{reason="left_alone"} 1.0' in told
    shown = admin_client.get(f"/admin/sagas/sagaexecution/{changed}/change/").content.decode()
    assert "another structure" in shown
    answer = boss.post("sagas/s/cancel", {"reason": "why not"})
    assert (answer.status_code, answer.json()["error"]) == (422, "unknown_saga")


def test_r26_the_command_line_shows_a_move_and_makes_it(changed: int) -> None:
    lines = saga("adopt", "s", "--version", "1", "--dry-run", *WHY)
    assert lines[1:] == [
        "  a: succeeded, stays as it is",
        "  b: scheduled, goes on",
        "  c: pending, comes later",
        "  a cancel after that would undo a",
    ]
    assert not SagaEvent.objects.filter(type="saga.adopted").exists()
    assert saga("adopt", "s", "--version", "1", "--yes", *WHY)[-1] == "s: done"
    event = SagaEvent.objects.get(type="saga.adopted")
    assert (event.data["by"], event.data["reason"]) == ("anna", "she knows why")
    engine.succeed(claim(changed, "b"), None)
    assert row(changed).current_steps == ["c"]
    [line] = saga("adopt", "s", "--version", "1", "--dry-run", *WHY)
    assert line.endswith("it is there already")


def test_r26_without_a_yes_nothing_is_moved(changed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "n")
    code, said = refused("adopt", "s", *WHY)
    assert (code, "Nothing was done" in said) == (1, True)
    assert not SagaEvent.objects.filter(type="saga.adopted").exists()


def test_r26_what_can_not_be_moved_is_refused_with_each_reason(changed: int) -> None:
    registry._sagas["shop", 1] = Saga("shop", [SagaStep("a2", nothing), SagaStep("b", nothing)])
    lines = saga("adopt", "s", "--dry-run", *WHY)
    assert "  a: succeeded, is no longer there" in lines
    assert any(line.startswith("  refused: Step a is succeeded, and not in") for line in lines)
    code, said = refused("adopt", "s", "--yes", *WHY)
    assert code == 5
    assert "Step a is succeeded, and not in the definition" in said
    code, said = refused("adopt", "s", "--version", "9", "--yes", *WHY)
    assert code == 3
    assert "version 9" in said


def test_r26_the_api_shows_a_move_and_makes_it(changed: int, boss: Any, alice: Any) -> None:
    shown = boss.get("sagas/s/adoption", version=1).json()
    assert (shown["refused"], shown["is_there"], shown["stages"]) == ([], False, [["a"]])
    assert shown["steps"][2] == {"name": "c", "status": "pending", "fate": "to come"}
    assert boss.get("sagas/s/adoption", version=1 << 31).status_code == 422
    assert alice.get("sagas/s/adoption").status_code == 404
    assert boss.post("sagas/s/adopt", {"version": 1}).status_code == 422, "why?"
    answer = boss.post("sagas/s/adopt", {"version": 1, "reason": "it may have a third step"})
    assert (answer.status_code, answer.json()["attention"]) == (200, [])
    assert SagaEvent.objects.get(type="saga.adopted").data["by"] == "boss"


def test_r26_many_are_moved_at_once(changed: int, boss: Any, admin_client: Client) -> None:
    body = {"action": "adopt", "reason": "all of them", "filter": {"attention": True}}
    assert boss.post("sagas/actions", body).json()["done"] == 1
    assert SagaEvent.objects.filter(type="saga.adopted").count() == 1
    registry._sagas["shop", 1] = Saga("shop", [SagaStep("a", nothing, nothing)])
    admin_client.post(
        "/admin/sagas/sagaexecution/",
        {"action": "adopt", "_selected_action": [changed], "confirmed": "yes", "reason": "back"},
    )
    assert SagaEvent.objects.filter(type="saga.adopted").count() == 2
