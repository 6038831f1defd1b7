"""The list over HTTP, and the same action on all that match."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import engine
from sagas.machine import Saga, SagaStep
from sagas.models import SagaExecution
from sagas.moments import aware
from tests.api.conftest import Caller
from tests.api.scenes import ALL, nothing, past_pivot, stuck, succeed
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)
    define(Saga("shop", [SagaStep("reserve", nothing)], version=2))


def start(saga_id: str, owner: Caller | None = None, saga_type: str = "shop", **given: Any) -> int:
    given.setdefault("version", 1)
    context = given.pop("context", {})
    owner_id = owner.user.pk if owner else None
    started = engine.start(saga_type, context, saga_id=saga_id, owner_id=owner_id, **given)
    return started.execution_id


def listed(who: Caller, **query: Any) -> list[str]:
    answer = who.get("sagas", **query)
    assert answer.status_code == 200, answer.content
    return [saga["saga_id"] for saga in answer.json()["sagas"]]


def test_one_sees_ones_own_and_staff_see_all(
    alice: Caller, boss: Caller, caller: Callable[..., Caller]
) -> None:
    bob = caller("bob")
    start("of-alice", alice)
    start("of-bob", bob)
    start("of-nobody")
    assert listed(alice) == ["of-alice"]
    assert listed(bob) == ["of-bob"]
    assert listed(caller("stranger")) == []
    assert listed(boss) == ["of-nobody", "of-bob", "of-alice"], "newest first"


def test_each_filter_finds_what_it_says(boss: Caller) -> None:
    start("old")
    SagaExecution.objects.update(created_at="2020-01-01T00:00:00Z")
    succeed(start("running"), "reserve")
    start("paused")
    engine.pause("paused", by="x")
    start("second", version=2, tags=["vip"])
    start("waiting", saga_type="approval")
    stuck("stuck")
    succeed(past_pivot("done"), "mail")
    everything = ["done", "stuck", "waiting", "second", "paused", "running", "old"]
    assert listed(boss) == everything
    assert listed(boss, status="failed") == ["stuck"]
    assert listed(boss, status="completed") == ["done"]
    assert listed(boss, saga_type="approval") == ["waiting"]
    assert listed(boss, version=2) == ["second"]
    assert listed(boss, step="charge") == ["running"]
    assert listed(boss, step="approved") == ["waiting"]
    assert listed(boss, paused="true") == ["paused"]
    assert listed(boss, tag="vip") == ["second"]
    assert listed(boss, paused="false") == [name for name in everything if name != "paused"]
    assert listed(boss, created_before="2020-01-02T00:00:00Z") == ["old"]
    assert listed(boss, created_after="2020-01-01T01:00:00+01:00") == everything, "inclusive"
    assert listed(boss, created_after="2020-01-01T00:00:01Z") == everything[:-1]
    assert listed(boss, saga_type="shop", status="running", step="charge") == ["running"]
    assert listed(boss, saga_type="shop", status="running", step="approved") == []


def test_children_are_listed_under_their_parent_alone(
    alice: Caller, caller: Callable[..., Caller]
) -> None:
    start("b-1", alice, "batch", context={"items": [1, 2, 3]})
    assert listed(alice) == ["b-1"]
    assert listed(alice, parent="b-1") == ["b-1~pack.1", "b-1~pack.0"]
    assert listed(alice, parent="b-1", limit=1) == ["b-1~pack.1"]
    assert listed(alice, parent="b-1", status="completed") == []
    child = alice.get("sagas", parent="b-1").json()["sagas"][0]
    assert child["parent"] == {"saga_id": "b-1", "step": "pack"}
    for who, parent in ((caller("stranger"), "b-1"), (alice, "b-2"), (alice, "a\x00")):
        assert who.get("sagas", parent=parent).status_code == 404


def test_pages_are_read_on_to_the_end(boss: Caller) -> None:
    for number in range(5):
        start(f"s-{number}")
    pages = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = boss.get("sagas", **query).json()
        pages.append([saga["saga_id"] for saga in answer["sagas"]])
        if answer["next_before"] is None:
            break
        start(f"new-{len(pages)}")  # what is new is no part of later pages
        query["before"] = answer["next_before"]
    assert pages == [["s-4", "s-3"], ["s-2", "s-1"], ["s-0"]]
    assert boss.get("sagas", limit=5, before=query["before"]).json()["next_before"] is None
    exact = boss.get("sagas", limit=7).json()
    assert (len(exact["sagas"]), exact["next_before"]) == (7, None), "no empty page at the end"


def test_a_list_costs_the_same_whatever_is_on_it(boss: Caller) -> None:
    start("b-1", saga_type="batch", context={"items": [1, 2]})
    stuck("stuck")
    boss.get("sagas")  # notes that the token was used, for a minute

    def statements(**query: Any) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            listed(boss, **query)
        return [each["sql"] for each in captured.captured_queries]

    few, few_children = statements(), statements(parent="b-1")
    for number in range(20):
        start(f"t-{number}", saga_type="trip")
    start("b-2", saga_type="batch", context={"items": list(range(20))})
    assert len(statements()) == len(few) == 4, "who asks, two for their permissions, and the page"
    assert len(statements(parent="b-2")) == len(few_children) == 5, "and the parent"
    assert '"context"' not in few[1], "which may be large"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "lost"}, "status"),
        ({"version": "0"}, "version"),
        ({"version": "x"}, "version"),
        ({"version": str(1 << 40)}, "version"),
        ({"saga_type": "a\x00"}, "saga_type"),
        ({"saga_type": "Shop"}, "saga_type"),
        ({"step": "a\x00"}, "step"),
        ({"paused": "maybe"}, "paused"),
        ({"created_before": "2026-01-01T00:00:00"}, "created_before"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"created_after": "9999-12-31T23:59:59-14:00"}, "created_after"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"before": "0"}, "before"),
        ({"before": str(1 << 63)}, "before"),
        ({"stauts": "failed"}, "stauts"),
    ],
)
def test_a_bad_filter_is_told(boss: Caller, query: dict[str, str], field: str) -> None:
    answer = boss.get("sagas", **query)
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["fields"]) == [field]


# --- The same action on all that match ------------------------------------------------------------


def act(boss: Caller, action: str, wanted: dict[str, Any], **given: Any) -> dict[str, Any]:
    body = {"action": action, "reason": "a bad day", "filter": wanted, **given}
    answer = boss.post("sagas/actions", body)
    assert answer.status_code == 200, answer.content
    said: dict[str, Any] = answer.json()
    return said


def test_all_that_match_are_acted_on_and_nothing_else(boss: Caller, alice: Caller) -> None:
    start("s-1", alice)
    start("s-2")
    start("other", saga_type="approval")
    said = act(boss, "pause", {"saga_type": "shop"})
    assert said == {"matched": 2, "done": 2, "refused": {}, "next_before": None}
    assert listed(boss, paused="true") == ["s-2", "s-1"]
    events = SagaExecution.objects.get(saga_id="s-1").events.filter(type="saga.paused")
    assert events.get().data == {"by": "boss", "reason": "a bad day"}


def test_s7_each_is_refused_by_itself_with_its_reason(boss: Caller) -> None:
    start("early")
    past_pivot("late")
    start("newest")
    said = act(boss, "cancel", {"saga_type": "shop"})
    assert (said["matched"], said["done"], list(said["refused"])) == (3, 2, ["late"])
    assert "past its pivot" in said["refused"]["late"]
    assert listed(boss, status="compensated") == ["newest", "early"]
    assert listed(boss, status="running") == ["late"]


def test_actions_with_a_step_and_changes_work_on_many(boss: Caller) -> None:
    for name in ("stuck-1", "stuck-2"):
        stuck(name)
    start("s-1")
    assert act(boss, "resolve", {"status": "failed"}, step="reserve")["done"] == 2
    said = act(boss, "skip", {"step": "reserve"}, step="reserve", changes={"x": 1})
    assert said["done"] == 1
    assert SagaExecution.objects.get(saga_id="s-1").context == {"x": 1}


def test_retry_of_many_takes_all_that_gave_up(boss: Caller) -> None:
    stuck("stuck-1")
    stuck("stuck-2")
    assert act(boss, "retry", {"status": "failed"})["done"] == 2
    assert listed(boss, status="compensating") == ["stuck-2", "stuck-1"]


def test_many_are_rescheduled_to_one_moment(boss: Caller) -> None:
    for name in ("a-1", "a-2"):
        start(name, saga_type="approval")
    moment = "2999-01-01T00:00:00Z"
    wanted = {"saga_type": "approval", "step": "approved"}
    assert act(boss, "reschedule", wanted, step="approved", moment=moment)["done"] == 2
    for name in ("a-1", "a-2"):
        assert boss.get(f"sagas/{name}").json()["steps"][0]["until"] == moment


def test_many_are_acted_on_in_portions_that_go_on(boss: Caller) -> None:
    for number in range(5):
        start(f"s-{number}")
    first = act(boss, "pause", {"saga_type": "shop"}, limit=3)
    assert (first["matched"], first["done"]) == (3, 3)
    assert listed(boss, paused="true") == ["s-4", "s-3", "s-2"]
    second = act(boss, "pause", {"saga_type": "shop"}, limit=3, before=first["next_before"])
    assert (second["matched"], second["next_before"]) == (2, None)
    assert len(listed(boss, paused="true")) == 5


def test_a_dry_run_counts_and_changes_nothing(boss: Caller) -> None:
    start("s-1")
    before = list(SagaExecution.objects.values())
    said = act(boss, "cancel", {"saga_type": "shop"}, dry_run=True)
    assert said == {"matched": 1, "done": 0, "refused": {}, "next_before": None}
    assert list(SagaExecution.objects.values()) == before


def test_children_of_one_are_acted_on_by_naming_it(boss: Caller) -> None:
    start("b-1", saga_type="batch", context={"items": [1, 2]})
    assert act(boss, "pause", {"saga_type": "batch.pack"})["matched"] == 0
    assert act(boss, "pause", {"parent": "b-1"})["done"] == 2
    assert listed(boss, paused="true") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"filter": {}}, "filter"),
        ({"filter": {"status": None, "paused": None}}, "filter"),
        ({"filter": None}, "filter"),
        ({"filter": {"stauts": "failed"}}, "filter.stauts"),
        ({"filter": {"status": "lost"}}, "filter.status"),
        ({"filter": {"saga_type": "\ud800"}}, "saga_type"),
        ({"filter": {"created_before": 7}}, "filter.created_before"),
        ({"action": "delete"}, "action"),
        ({"reason": ""}, "reason"),
        ({"step": "reserve"}, "step"),
        ({"changes": {"a": 1}}, "changes"),
        ({"action": "skip"}, "step"),
        ({"action": "amend"}, "changes"),
        ({"action": "reschedule", "step": "reserve"}, "moment"),
        ({"moment": "2030-01-01T00:00:00Z"}, "moment"),
        ({"action": "amend", "changes": {}}, "changes"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"by": "somebody else"}, "by"),
    ],
)
def test_a_bad_request_for_many_is_told_and_leaves_all_as_it_was(
    boss: Caller, change: dict[str, Any], field: str
) -> None:
    start("s-1")
    before = list(SagaExecution.objects.values())
    body = {"action": "cancel", "reason": "x", "filter": {"saga_type": "shop"}, **change}
    answer = boss.post("sagas/actions", body)
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["fields"]) == [field]
    assert list(SagaExecution.objects.values()) == before


def test_created_before_and_after_meet_without_a_gap(boss: Caller) -> None:
    execution_id = start("s-1")
    moment = aware(row(execution_id).created_at)
    at, later = moment.isoformat(), (moment + timedelta(microseconds=1)).isoformat()
    assert listed(boss, created_after=at, created_before=later) == ["s-1"]
    assert listed(boss, created_after=later) == listed(boss, created_before=at) == []
