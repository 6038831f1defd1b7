"""Choices, races, accepted refusals and children that may fail, in the rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagas import (
    Choice,
    FirstOf,
    Parallel,
    Present,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
    engine,
    queries,
)
from sagas.engine import NewSaga
from sagas.errors import BadInput, OperationRefused
from sagas.machine import InvalidInput
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER, check_history, pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)

done: list[str] = []


class Declined(Rejected):
    pass


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def act(name: str, error: Exception | None = None) -> SagaStep:
    def action(context: Any) -> None:
        done.append(name)
        if error is not None:
            raise error

    def undo(context: Any) -> None:
        done.append(f"undo {name}")

    return SagaStep(name, action, undo, retry=Retry(1), accept=(Declined,))


def play(committed: Any, **context: Any) -> SagaExecution:
    """A saga `shop`, from its start until nothing more happens; S8 holds of all there are."""
    started = engine.start("shop", {**ORDER, **context})
    work_off(committed)
    for execution_id in SagaExecution.objects.values_list("id", flat=True):
        check_history(execution_id)
    return row(started.execution_id)


ROUTE = Choice("route", "answer", {"yes": [act("a"), act("b")]}, otherwise=[act("c")])


@pytest.mark.parametrize(("answer", "steps"), [("yes", ["a", "b", "z"]), ("no", ["c", "z"])])
def test_s3_one_way_is_taken(define: Any, committed: Any, answer: str, steps: list[str]) -> None:
    define(Saga("shop", [ROUTE, act("z")]))
    found = play(committed, answer=answer)
    assert (found.status, done) == ("completed", steps)
    shown = queries.describe(found)
    assert shown["choices"] == {"route": '"yes"' if answer == "yes" else "otherwise"}
    left_out = {each["name"] for each in shown["steps"] if each["left_out"]}
    assert left_out == {"a", "b", "c"} - set(steps)


def test_s6_the_way_back_is_that_of_the_way_taken(define: Any, committed: Any) -> None:
    define(Saga("shop", [ROUTE, act("z", ValueError("no"))]))
    found = play(committed, answer="yes")
    assert found.status == "compensated"
    assert done == ["a", "b", "z", "undo z", "undo b", "undo a"]


def test_sagas_that_are_started_together_choose_by_their_own_contexts(
    define: Any, committed: Any
) -> None:
    define(Saga("shop", [ROUTE]))
    wanted = [NewSaga({**ORDER, "answer": answer}) for answer in ("yes", "no", "yes")]
    started = engine.start_many("shop", wanted)
    work_off(committed)
    assert sorted(done) == ["a", "a", "b", "b", "c"]
    for each in started:
        check_history(each.execution_id)


def test_l4_a_child_that_takes_no_way_ends_at_its_birth(define: Any, committed: Any) -> None:
    define(Saga("part", [Choice("c", "nowhere", {1: act("never")})]))
    define(Saga("shop", [Parallel(SubSaga("part"), act("a")), act("z")]))
    found = play(committed)
    assert (found.status, done) == ("completed", ["a", "z"])


def test_l4_a_child_whose_first_sleep_is_over_ends_at_its_birth(
    define: Any, committed: Any
) -> None:
    define(Saga("part", [Sleep("s", until="at")]))
    define(Saga("shop", [SubSaga("part"), act("z")]))
    found = play(committed, at="2020-01-01T00:00:00+00:00")
    assert (found.status, done) == ("completed", ["z"])


def test_r13_a_signal_for_a_way_that_was_not_taken_is_refused(define: Any, committed: Any) -> None:
    define(Saga("shop", [Choice("c", "x", {1: [WaitFor("paid")]}), WaitFor("end")]))
    found = play(committed, x=2)
    with pytest.raises(OperationRefused, match="A choice has taken another way"):
        engine.signal(found.saga_id, "paid")


def test_the_first_of_two_ends_the_wait(define: Any, committed: Any) -> None:
    ways = Choice("c", "end", {"left": act("a")}, otherwise=act("b"))
    define(Saga("shop", [FirstOf("end", WaitFor("left"), Sleep("late", 100)), ways]))
    found = play(committed)
    engine.signal(found.saga_id, "left", {"n": 1})
    work_off(committed)
    assert (row(found.pk).status, done) == ("completed", ["a"])
    other = play(committed)
    pass_time(other.pk, seconds=100)
    work_off(committed)
    assert (row(other.pk).status, done) == ("completed", ["a", "b"])
    check_history(other.pk)


def test_a_person_moves_a_sleep(define: Any, committed: Any) -> None:
    define(Saga("shop", [Sleep("s", 1000), act("z")]))
    found = play(committed)
    with pytest.raises(BadInput, match="time zone"):
        engine.reschedule(found.saga_id, "s", datetime(2026, 1, 1), by="anna")  # noqa: DTZ001
    later = datetime.now(UTC) + timedelta(hours=2)
    engine.reschedule(found.saga_id, "s", later, by="anna", reason="the shop is closed")
    pass_time(found.pk, seconds=1100)
    work_off(committed)
    assert done == []
    engine.reschedule(found.saga_id, "s", datetime.now(UTC), by="anna")
    work_off(committed)
    assert done == ["z"]
    with pytest.raises(OperationRefused, match="nothing is left to act on"):
        engine.reschedule(found.saga_id, "s", later, by="anna")
    check_history(found.pk)


def test_s3_an_accepted_refusal_is_an_answer(define: Any, committed: Any) -> None:
    way = Choice("c", "pay_failed.error", {"Declined": act("invoice")}, otherwise=act("ship"))
    define(Saga("shop", [act("pay", Declined("no money")), way]))
    found = play(committed)
    assert (found.status, done) == ("completed", ["pay", "invoice"])
    assert found.context["pay_failed"] == {"error": "Declined", "message": "no money"}


# --- A part that may fail -------------------------------------------------------------------------


@pytest.fixture
def shop(define: Any) -> None:
    way = Choice("c", "trip_failed", {Present(): act("voucher")}, otherwise=act("tickets"))
    define(Saga("shop", [act("a"), SubSaga("trip", on_failure="continue"), way]))


def test_s4_a_part_that_fails_is_undone_and_the_rest_goes_on(
    shop: None, define: Any, committed: Any
) -> None:
    define(Saga("trip", [act("hotel"), act("flight", ValueError("full"))]))
    found = play(committed)
    assert found.status == "completed"
    assert done == ["a", "hotel", "flight", "undo flight", "undo hotel", "voucher"]
    assert "flight" in found.context["trip_failed"]["message"]


def test_a_part_that_does_not_fail_is_as_ever(shop: None, define: Any, committed: Any) -> None:
    define(Saga("trip", [act("hotel"), act("flight")]))
    found = play(committed)
    assert (found.status, done) == ("completed", ["a", "hotel", "flight", "tickets"])


def test_l4_a_part_that_fails_at_its_birth(shop: None, define: Any, committed: Any) -> None:
    def refuses(context: Any) -> None:
        raise InvalidInput({"x": "is bad"})

    define(Saga("trip", [act("hotel")], validate=refuses))
    found = play(committed)
    assert (found.status, done) == ("completed", ["a", "voucher"])
    assert "is bad" in found.context["trip_failed"]["message"]


def test_l4_a_part_of_a_part_that_turns_back_at_its_birth(
    shop: None, define: Any, committed: Any
) -> None:
    define(Saga("inner", [Sleep("s", seconds="nowhere")]))
    define(Saga("trip", [SubSaga("inner")]))
    found = play(committed)
    assert (found.status, done) == ("completed", ["a", "voucher"])


def test_s6_a_part_that_can_not_be_undone_needs_a_person(
    shop: None, define: Any, committed: Any
) -> None:
    def stuck(context: Any) -> None:
        raise ValueError("can't")

    hotel = SagaStep("hotel", lambda _: None, stuck, compensation_retry=Retry(1))
    define(Saga("trip", [hotel, act("flight", Rejected("full"))]))
    found = play(committed)
    assert (found.status, done) == ("running", ["a", "flight"])
    [needy] = queries.describe(found)["attention"]
    engine.resolve(needy["saga_id"], "hotel", by="anna")
    work_off(committed)
    assert (row(found.pk).status, done) == ("completed", ["a", "flight", "voucher"])
    check_history(found.pk)


def test_s5_a_cancel_after_a_part_has_failed(shop: None, define: Any, committed: Any) -> None:
    def stuck(context: Any) -> None:
        raise ValueError("can't")

    hotel = SagaStep("hotel", lambda _: None, stuck, compensation_retry=Retry(1))
    define(Saga("trip", [hotel, act("flight", Rejected("full"))]))
    found = play(committed)
    engine.cancel(found.saga_id, by="anna")
    work_off(committed)
    [needy] = [each["saga_id"] for each in queries.describe(row(found.pk))["attention"]][-1:]
    engine.resolve(needy, "hotel", by="anna")
    work_off(committed)
    assert (row(found.pk).status, done[-1]) == ("compensated", "undo a")
    check_history(found.pk)
