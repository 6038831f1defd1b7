"""Signals in the rows: many of one name, keys, and the one that starts its saga."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from sagas import (
    Choice,
    FirstOf,
    Parallel,
    Present,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
    engine,
    queries,
)
from sagas.errors import BadInput, Conflict, NoSuchExecution, OperationRefused
from sagas.machine.context import CONTEXT_LIMIT
from sagas.models import SagaEvent, SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER, check_history, pass_time, row
from tests.engine.test_races import lost_at_commit, together

pytestmark = pytest.mark.django_db(transaction=True)

UPDATES = WaitFor("update", collect=True, until={"status": "delivered"}, most=50)
MOVING, DELIVERED = {"status": "moving"}, {"status": "delivered"}
Z = SagaStep("z", lambda _: None, lambda _: None)


@pytest.fixture
def parcel(define: Any) -> int:
    define(Saga("shop", [UPDATES, Z]))
    return engine.start("shop", {}, saga_id="s").execution_id


def test_signals_are_collected_in_their_order(parcel: int, committed: Any) -> None:
    for number in range(3):
        engine.signal("s", "update", {"status": "moving", "n": number}, by="the carrier")
    assert row(parcel).context == {}
    engine.signal("s", "update", DELIVERED, key="evt-9")
    work_off(committed)
    found = row(parcel)
    assert found.status == "completed"
    assert [each.get("n") for each in found.context["update"]] == [0, 1, 2, None]
    check_history(parcel)
    with pytest.raises(OperationRefused, match="waits for nothing"):
        engine.signal("s", "update", MOVING)


def test_r13_a_key_counts_once(parcel: int) -> None:
    engine.signal("s", "update", MOVING, key="evt-1")
    before = row(parcel)
    engine.signal("s", "update", MOVING, key="evt-1")
    with pytest.raises(OperationRefused, match="'evt-1' came before, with another payload"):
        engine.signal("s", "update", DELIVERED, key="evt-1")
    assert row(parcel).revision == before.revision
    engine.signal("s", "update", DELIVERED, key="evt-2")
    engine.signal("s", "update", MOVING, key="evt-1")
    assert row(parcel).context == {"update": [MOVING, DELIVERED]}
    keys = [event.data["key"] for event in SagaEvent.objects.filter(type="saga.signalled")]
    assert keys == ["evt-1", "evt-2"]
    check_history(parcel)


def test_r13_of_one_key_sent_by_many_at_once_one_counts(parcel: int) -> None:
    together(lambda number: engine.signal("s", "update", MOVING, key=f"evt-{number // 3}"), 6)
    assert row(parcel).options["collected"] == {"update": [MOVING, MOVING]}
    check_history(parcel)


def test_of_many_at_once_without_a_key_all_count(parcel: int) -> None:
    together(lambda number: engine.signal("s", "update", number), 6)
    assert sorted(row(parcel).options["collected"]["update"]) == list(range(6))
    check_history(parcel)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_r6_a_signal_without_a_key_whose_commit_was_lost_counts_once(
    parcel: int, moment: str
) -> None:
    with lost_at_commit(moment):
        engine.signal("s", "update", MOVING)
    assert row(parcel).options["collected"] == {"update": [MOVING]}
    check_history(parcel)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_r6_a_start_with_a_signal_whose_commit_was_lost_is_one(define: Any, moment: str) -> None:
    define(Saga("shop", [UPDATES]))
    with lost_at_commit(moment):
        engine.signal_with_start("shop", ORDER, saga_id="s", name="update", payload=MOVING)
    found = SagaExecution.objects.get()
    assert found.options["collected"] == {"update": [MOVING]}
    check_history(found.pk)


@pytest.mark.parametrize("key", ["", "x" * 101, 7, "a\x00b"])
def test_what_is_no_key_is_refused(parcel: int, key: Any) -> None:
    with pytest.raises(BadInput) as caught:
        engine.signal("s", "update", MOVING, key=key)
    assert "key" in caught.value.fields


def test_the_row_stays_within_the_limit_of_a_context(parcel: int) -> None:
    third = "x" * (CONTEXT_LIMIT // 3)
    engine.signal("s", "update", third)
    engine.signal("s", "update", third)
    before = row(parcel)
    with pytest.raises(BadInput) as caught:
        engine.signal("s", "update", third)
    assert "bytes as JSON" in caught.value.fields["context"]
    assert row(parcel).revision == before.revision
    engine.signal("s", "update", DELIVERED)
    assert len(row(parcel).context["update"]) == 3


def test_s10_a_step_beside_it_can_not_take_the_room_of_what_was_collected(
    define: Any, committed: Any
) -> None:
    half = "x" * (CONTEXT_LIMIT // 2)
    big = SagaStep("big", lambda _: {"big": half}, lambda _: None, retry=Retry(1))
    define(Saga("shop", [Parallel(UPDATES, big)]))
    started = engine.start("shop", {}, saga_id="s")
    engine.signal("s", "update", half)
    work_off(committed)
    assert row(started.execution_id).status == "compensated"


def test_s10_a_child_beside_it_can_not_either_and_nothing_stands_still(
    define: Any, committed: Any
) -> None:
    half = "x" * (CONTEXT_LIMIT // 2)
    define(Saga("part", [SagaStep("big", lambda _: {"big": half}, lambda _: None)]))
    define(Saga("shop", [Parallel(UPDATES, SubSaga("part", output=["big"]))]))
    started = engine.start("shop", {}, saga_id="s")
    engine.signal("s", "update", half)
    work_off(committed)
    assert row(started.execution_id).status == "compensated"
    assert row(SagaExecution.objects.get(saga_id="s~part").pk).status == "compensated"


def test_after_its_time_the_list_is_what_came(define: Any, committed: Any) -> None:
    wait = WaitFor("bid", timeout=60, on_timeout="continue", collect=True)
    define(Saga("shop", [wait, Choice("any", "bid", {Present(): Z})]))
    found = row(engine.start("shop", {}, saga_id="s").execution_id)
    for amount in (5, 7):
        engine.signal("s", "bid", {"amount": amount})
    pass_time(found.pk, seconds=61)
    engine.wake(10)
    work_off(committed)
    assert (row(found.pk).status, len(row(found.pk).context["bid"])) == ("completed", 2)
    check_history(found.pk)


def test_in_a_first_of_what_came_is_kept(define: Any, committed: Any) -> None:
    define(Saga("shop", [FirstOf("end", UPDATES, WaitFor("lost"), Sleep("late", 60)), Z]))
    started = engine.start("shop", {}, saga_id="s")
    engine.signal("s", "update", MOVING)
    engine.signal("s", "lost", True)
    work_off(committed)
    found = row(started.execution_id)
    assert found.context == {"end": "lost", "lost": True, "update": [MOVING]}
    assert found.options.get("collected") is None
    check_history(found.pk)


def test_people_pause_skip_and_cancel_it(define: Any, committed: Any) -> None:
    define(Saga("shop", [Z, UPDATES]))
    ids = {name: engine.start("shop", {}, saga_id=name).execution_id for name in ("skip", "cancel")}
    work_off(committed)
    for name in ids:
        engine.pause(name, by="anna")
        engine.signal(name, "update", MOVING, key="evt-1")
        engine.amend(name, {"update": "by hand"}, by="anna")
        engine.resume(name, by="anna")
    engine.skip("skip", "update", by="anna")
    engine.cancel("cancel", by="anna")
    work_off(committed)
    assert row(ids["skip"]).context == {"update": [MOVING]}
    assert (row(ids["skip"]).status, row(ids["cancel"]).status) == ("completed", "compensated")
    for execution_id in ids.values():
        check_history(execution_id)


def test_s12_adopt_to_another_kind_of_wait_is_refused(define: Any) -> None:
    define(Saga("shop", [UPDATES, Z]))
    engine.start("shop", {}, saga_id="s")
    engine.signal("s", "update", MOVING)
    define(Saga("shop", [WaitFor("update"), Z], version=2))
    with pytest.raises(OperationRefused, match="needs a wait for many"):
        engine.adopt("s", 2, by="anna")
    define(Saga("shop", [Z, WaitFor("update", collect=True), WaitFor("x")], version=3))
    engine.adopt("s", 3, by="anna")
    assert row(SagaExecution.objects.get().pk).options["collected"] == {"update": [MOVING]}


def test_l4_a_child_that_collects_begins_with_its_parent(define: Any, committed: Any) -> None:
    define(Saga("part", [UPDATES]))
    define(Saga("shop", [SubSaga("part", output=["update"]), Z]))
    started = engine.start("shop", {}, saga_id="s")
    engine.signal("s~part", "update", DELIVERED, key="evt-1")
    work_off(committed)
    found = row(started.execution_id)
    assert (found.status, found.context) == ("completed", {"update": [DELIVERED]})


def test_a_saga_without_it_has_nothing_more_in_its_row(define: Any) -> None:
    define(Saga("shop", [Z, WaitFor("paid")]))
    started = engine.start("shop", {}, saga_id="s")
    engine.signal("s", "paid", 5)
    assert row(started.execution_id).options == {"signals": {"paid": 5}}
    [event] = SagaEvent.objects.filter(type="saga.signalled")
    assert event.data == {"name": "paid", "payload": 5, "by": ""}


# --- A signal that starts its saga ----------------------------------------------------------------


def send(payload: object, key: str, **options: Any) -> engine.Started:
    return engine.signal_with_start(
        "shop", ORDER, saga_id="s", name="update", payload=payload, key=key, **options
    )


def test_s11_the_first_signal_starts_the_saga_and_the_next_ones_do_not(
    define: Any, committed: Any
) -> None:
    define(Saga("shop", [Z, UPDATES]))
    assert send(MOVING, "evt-1", by="the carrier").created
    assert not send(DELIVERED, "evt-2").created
    assert not send(MOVING, "evt-1").created
    work_off(committed)
    found = SagaExecution.objects.get()
    assert (found.status, found.context) == ("completed", {**ORDER, "update": [MOVING, DELIVERED]})
    assert send(MOVING, "evt-1").status == "completed"
    check_history(found.pk)


def test_r13_of_many_first_signals_at_once_one_starts_it_and_all_count(define: Any) -> None:
    define(Saga("shop", [UPDATES, Z]))
    found = together(lambda number: send(number, f"evt-{number}"), 6)
    assert sum(each.created for each in found) == 1
    execution = SagaExecution.objects.get()
    assert sorted(execution.options["collected"]["update"]) == list(range(6))
    check_history(execution.pk)


def test_if_the_signal_is_refused_nothing_is_started(define: Any) -> None:
    define(Saga("shop", [Z]))
    with pytest.raises(OperationRefused, match="Waits: none"):
        send(MOVING, "evt-1")
    assert not SagaExecution.objects.exists()


def test_s11_another_input_is_a_conflict_and_not_signalled(define: Any) -> None:
    define(Saga("shop", [UPDATES]))
    started = engine.start("shop", {"other": 1}, saga_id="s")
    with pytest.raises(Conflict):
        send(MOVING, "evt-1")
    assert row(started.execution_id).options == {}


def test_s9_it_commits_its_work_itself(define: Any) -> None:
    define(Saga("shop", [UPDATES]))
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        send(MOVING, "evt-1")


def test_the_signal_can_be_all_that_it_takes(define: Any) -> None:
    define(Saga("shop", [UPDATES], deadline=timedelta(days=1)))
    started = send(DELIVERED, "evt-1", tags=["vip"], owner_id=None)
    assert (started.created, started.status) == (True, "completed")
    assert row(started.execution_id).tags == ["vip"]
    described = queries.describe(row(started.execution_id))
    assert described["context"] == {**ORDER, "update": [DELIVERED]}


def test_a_child_is_signalled_and_never_started_by_its_id(define: Any) -> None:
    define(Saga("part", [UPDATES]))
    with pytest.raises(BadInput):
        engine.signal_with_start("part", {}, saga_id="s~part", name="update")
    with pytest.raises(NoSuchExecution):
        engine.signal("s~part", "update")
