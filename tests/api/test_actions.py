"""Operators' actions and signals over HTTP: what they do, and what is recorded."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from django.test import Client

from sagas import engine
from sagas.api.actions import REQUESTS
from sagas.machine import Adopt, Direction, Failure, FailureKind, Operation, Rejected
from sagas.management.operating import ACTIONS
from sagas.models import SagaEvent
from tests.api.conftest import Caller
from tests.api.scenes import ALL, past_pivot, reject, stuck, succeed
from tests.engine.driving import check_history, claim, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


@pytest.fixture
def shop(alice: Caller) -> int:
    """Hers, as it was started: `reserve` is due."""
    return engine.start("shop", {"a": 1}, saga_id="s-1", owner_id=alice.user.pk).execution_id


def newest(execution_id: int, event_type: str) -> SagaEvent:
    return SagaEvent.objects.filter(execution_id=execution_id, type=event_type).latest("seq")


def test_cancel_turns_back_and_is_recorded_with_who_and_why(alice: Caller, shop: int) -> None:
    succeed(shop, "reserve")
    answer = alice.post("sagas/s-1/cancel", {"reason": "changed my mind"})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["status"], said["error"]["because"]) == ("compensating", "a cancel")
    assert said["current_steps"] == ["reserve"]
    assert newest(shop, "saga.cancelled").data == {"by": "alice", "reason": "changed my mind"}
    check_history(shop)


def test_cancelling_twice_is_one_cancel(alice: Caller, shop: int) -> None:
    succeed(shop, "reserve")
    first = alice.post("sagas/s-1/cancel", {"reason": "x"}).json()
    again = alice.post("sagas/s-1/cancel", {"reason": "y"})
    assert (again.status_code, again.json()) == (200, first)


def test_s7_a_cancel_past_the_pivot_is_refused_with_the_reason(alice: Caller) -> None:
    execution_id = past_pivot("s-1", alice.user.pk)
    before = row(execution_id).last_seq
    answer = alice.post("sagas/s-1/cancel", {"reason": "too late"})
    assert (answer.status_code, answer.json()["error"]) == (409, "refused")
    assert "past its pivot, hand_over" in answer.json()["detail"]
    assert row(execution_id).last_seq == before


def test_r7_a_cancel_after_the_end_is_told(alice: Caller) -> None:
    execution_id = past_pivot("s-1", alice.user.pk)
    succeed(execution_id, "mail")
    answer = alice.post("sagas/s-1/cancel", {"reason": "too late"})
    assert (answer.status_code, answer.json()["error"]) == (409, "refused")
    assert "completed" in answer.json()["detail"]


def test_a_paused_saga_goes_on_when_it_is_resumed(boss: Caller, shop: int, committed: Any) -> None:
    paused = boss.post("sagas/s-1/pause", {"reason": "stock-taking"}).json()
    assert (paused["paused"], paused["status"]) == (True, "pending")
    assert engine.claim(shop, "reserve", Direction.ACTION, 0) is None
    resumed = boss.post("sagas/s-1/resume", {"reason": "counted"}).json()
    assert resumed["paused"] is False
    assert [hint.step for hint in committed[-1].hints] == ["reserve"]
    assert newest(shop, "saga.paused").data == {"by": "boss", "reason": "stock-taking"}


@pytest.mark.parametrize("body", [{"step": "reserve"}, {}])
def test_retry_gives_what_gave_up_new_attempts(boss: Caller, body: dict[str, str]) -> None:
    execution_id = stuck("s-1")
    said = boss.post("sagas/s-1/retry", {"reason": "mended", **body}).json()
    assert (said["status"], said["gave_up"]) == ("compensating", [])
    assert said["steps"][0]["status"] == "compensation_scheduled"
    succeed(execution_id, "reserve", direction=Direction.COMPENSATION)
    assert row(execution_id).status == "compensated"


def test_reschedule_moves_the_end_of_a_wait(boss: Caller) -> None:
    execution_id = engine.start("approval", {}, saga_id="a-1").execution_id
    body = {"reason": "a holiday", "step": "approved", "moment": "2999-01-01T01:00:00+01:00"}
    said = boss.post("sagas/a-1/reschedule", body).json()
    assert said["steps"][0]["until"] == "2999-01-01T00:00:00Z", "S13"
    recorded = newest(execution_id, "step.expedited").data
    assert (recorded["by"], recorded["reason"]) == ("boss", "a holiday")
    before = row(execution_id).last_seq
    assert boss.post("sagas/a-1/reschedule", body).status_code == 200
    assert row(execution_id).last_seq == before, "the same again changes nothing"
    check_history(execution_id)


def test_a_moment_that_has_passed_ends_a_sleep_now(boss: Caller) -> None:
    execution_id = engine.start("approval", {}, saga_id="a-1").execution_id
    engine.signal("a-1", "approved", 1)
    body = {"reason": "enough", "step": "cool_down", "moment": "2000-01-01T00:00:00Z"}
    assert boss.post("sagas/a-1/reschedule", body).json()["status"] == "completed"
    check_history(execution_id)


def test_what_waits_for_no_time_is_not_rescheduled(boss: Caller, shop: int) -> None:
    body = {"reason": "x", "step": "charge", "moment": "2999-01-01T00:00:00Z"}
    answer = boss.post("sagas/s-1/reschedule", body)
    assert (answer.status_code, answer.json()["error"]) == (409, "refused")
    assert "Step charge is pending" in answer.json()["detail"]


def test_skip_goes_on_with_what_the_step_would_have_returned(boss: Caller, shop: int) -> None:
    said = boss.post(
        "sagas/s-1/skip",
        {"reason": "done by phone", "step": "reserve", "changes": {"reservation": "r-7"}},
    ).json()
    assert said["context"] == {"a": 1, "reservation": "r-7"}
    assert (said["steps"][0]["status"], said["current_steps"]) == ("skipped", ["charge"])


def test_resolve_takes_a_compensation_as_done_by_hand(boss: Caller) -> None:
    stuck("s-1")
    said = boss.post("sagas/s-1/resolve", {"reason": "put back", "step": "reserve"}).json()
    assert (said["status"], said["steps"][0]["status"]) == ("compensated", "compensated")


def test_amend_changes_the_context_of_what_stands_still(boss: Caller, shop: int) -> None:
    body = {"reason": "wrong address", "changes": {"a": 2}}
    refused = boss.post("sagas/s-1/amend", body)
    assert (refused.status_code, refused.json()["error"]) == (409, "refused")
    assert "Pause it first" in refused.json()["detail"]
    boss.post("sagas/s-1/pause", {"reason": "x"})
    assert boss.post("sagas/s-1/amend", body).json()["context"] == {"a": 2}


def test_each_action_has_an_endpoint_and_a_verb() -> None:
    known = {operation.__name__ for operation in (*get_args(Operation), Adopt)}
    given = dict.fromkeys(("reason", "step", "moment", "changes", "version"), None) | {"leave": ()}
    made = (each.model_construct(**given).operation("boss") for each in REQUESTS.values())
    assert {type(operation).__name__ for operation in made} == known
    assert set(REQUESTS) == {*ACTIONS, "adopt"}
    described = Client().get("/api/v1/openapi.json").json()
    posts = {path for path, methods in described["paths"].items() if "post" in methods}
    assert posts >= {f"/api/v1/sagas/{{saga_id}}/{action}" for action in REQUESTS}


# --- Signals --------------------------------------------------------------------------------------


@pytest.fixture
def approval(alice: Caller) -> int:
    return engine.start("approval", {}, saga_id="a-1", owner_id=alice.user.pk).execution_id


def test_a_signal_ends_its_wait(alice: Caller, approval: int) -> None:
    said = alice.post("sagas/a-1/signals/approved", {"payload": {"by": "phone"}}).json()
    assert said["context"] == {"approved": {"by": "phone"}}
    assert said["current_steps"] == ["cool_down"]
    assert newest(approval, "saga.signalled").data["by"] == "alice"


def test_r13_a_second_signal_changes_nothing(alice: Caller, approval: int) -> None:
    alice.post("sagas/a-1/signals/approved", {"payload": 1})
    again = alice.post("sagas/a-1/signals/approved", {"payload": 1})
    assert (again.status_code, again.json()["context"]) == (200, {"approved": 1})
    other = alice.post("sagas/a-1/signals/approved", {"payload": 2})
    assert (other.status_code, other.json()["error"]) == (409, "refused")


def test_r13_a_signal_before_its_wait_is_kept(alice: Caller, define: Any) -> None:
    later = {"saga_type": "approval", "saga_id": "a-1", "start_at": "2999-01-01T00:00:00Z"}
    alice.post("sagas", {**later, "context": {}})
    said = alice.post("sagas/a-1/signals/approved", {"payload": 1}).json()
    assert (said["steps"][0]["status"], said["context"]) == ("pending", {})
    assert alice.post("sagas/a-1/signals/approved", {"payload": 1}).status_code == 200
    execution_id = SagaEvent.objects.get(type="saga.signalled").execution_id
    assert row(execution_id).options["signals"] == {"approved": 1}


def test_r13_a_signal_after_the_end_is_refused(alice: Caller, approval: int) -> None:
    alice.post("sagas/a-1/cancel", {"reason": "x"})
    answer = alice.post("sagas/a-1/signals/approved", {"payload": 1})
    assert (answer.status_code, answer.json()["error"]) == (409, "refused")
    assert "compensated" in answer.json()["detail"]


def test_a_signal_that_nothing_waits_for_is_refused(alice: Caller, shop: int) -> None:
    answer = alice.post("sagas/s-1/signals/approved", {"payload": 1})
    assert answer.status_code == 409
    assert "Waits: none" in answer.json()["detail"]


# --- The way back ---------------------------------------------------------------------------------


def test_r8_the_way_back_is_what_a_cancel_then_does(alice: Caller, shop: int) -> None:
    succeed(shop, "reserve")
    work = claim(shop, "charge")
    before = row(shop).last_seq
    way = alice.get("sagas/s-1/way-back").json()
    assert way == {"refused": "", "settling": ["charge"], "stages": [["charge"], ["reserve"]]}
    assert row(shop).last_seq == before, "looking changes nothing"
    said = alice.post("sagas/s-1/cancel", {"reason": "x"}).json()
    assert said["current_steps"] == ["charge"], "it settles first"
    engine.fail(work, Failure.of(FailureKind.UNKNOWN, TimeoutError("no answer")))
    for stage in way["stages"]:
        assert row(shop).current_steps == stage
        succeed(shop, *stage, direction=Direction.COMPENSATION)
    assert row(shop).status == "compensated"


def test_s7_the_way_back_says_why_there_is_none(alice: Caller) -> None:
    past_pivot("s-1", alice.user.pk)
    way = alice.get("sagas/s-1/way-back").json()
    assert "past its pivot" in way["refused"]
    assert (way["settling"], way["stages"]) == ([], [])


def test_a_child_is_acted_on_under_its_own_saga_id(alice: Caller, boss: Caller) -> None:
    engine.start("trip", {}, saga_id="t-1", owner_id=alice.user.pk)
    cancelled = alice.post("sagas/t-1~flight/cancel", {"reason": "x"})
    assert (cancelled.status_code, cancelled.json()["error"]) == (409, "refused")
    assert "part of another saga" in cancelled.json()["detail"]
    said = boss.post("sagas/t-1~flight/pause", {"reason": "x"}).json()
    assert said["paused"] is True
    assert said["parent"] == {"saga_id": "t-1", "step": "flight"}


def test_s12_what_this_process_does_not_know_is_told(
    boss: Caller, shop: int, define: Callable[..., Any]
) -> None:
    type(row(shop)).objects.filter(pk=shop).update(version=99)
    answer = boss.post("sagas/s-1/pause", {"reason": "x"})
    assert (answer.status_code, answer.json()["error"]) == (422, "unknown_saga")
    assert row(shop).paused is False


def test_a_saga_may_be_named_as_the_endpoint_for_many(alice: Caller) -> None:
    engine.start("shop", {}, saga_id="actions", owner_id=alice.user.pk)
    assert alice.get("sagas/actions").json()["saga_id"] == "actions"
    assert alice.post("sagas/actions/cancel", {"reason": "x"}).json()["status"] == "compensated"


def test_a_failed_action_after_the_pivot_is_retried(boss: Caller) -> None:
    execution_id = past_pivot("s-1")
    reject(execution_id, "mail")
    shown = boss.get("sagas/s-1").json()
    assert (shown["status"], shown["gave_up"]) == ("failed", ["mail"])
    said = boss.post("sagas/s-1/retry", {"reason": "mended"}).json()
    assert (said["status"], said["current_steps"]) == ("running", ["mail"])
    assert Rejected.__name__ in shown["steps"][3]["error"]["error"]
