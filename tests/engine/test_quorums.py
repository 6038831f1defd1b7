"""`ForEach(enough=…)`, in the rows."""

from typing import Any

import pytest

from sagas import (
    Choice,
    ForEach,
    Pivot,
    Present,
    Saga,
    engine,
)
from sagas.machine import SubSaga, WaitFor
from sagas.testing.workers import work_off
from tests.engine.driving import row
from tests.engine.items import LINE, WAITING, act, checked, done, items, lines, play, statuses

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


BY: Any = {"by": "anna", "reason": "she knows why"}


OK = {"by": "ship"}
NO_SHIP = {"failed": {"error": "Rejected", "message": "no ship"}}
VOUCHER = Choice("c", "lines_failed", {Present(): act("voucher")}, otherwise=act("tickets"))


def go(number: int, committed: Any) -> None:
    engine.signal(f"s~lines.{number}", "go")
    work_off(committed)


def test_s3_once_enough_have_completed_the_rest_is_undone(know: Any, committed: Any) -> None:
    know(WAITING, Saga("shop", [lines(enough=2), act("z")]))
    found = play(committed, items(4))
    go(1, committed)
    assert "z" not in done
    go(3, committed)
    found = checked(found.pk)
    assert found.status == "completed"
    assert found.context["lines"] == [None, OK, None, OK]
    assert "lines_failed" not in found.context
    assert statuses() == ["compensated", "completed", "compensated", "completed"]
    assert sorted(done[-3:]) == ["undo pack 0", "undo pack 2", "z"]


def test_what_was_not_started_never_is(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [lines(enough=1, max_concurrency=1), act("z")]))
    found = play(committed, items(3))
    assert found.context["lines"] == [OK, None, None]
    assert done == ["pack 0", "ship 0", "z"]


def test_some_may_give_up(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [lines(enough=2, max_concurrency=1), act("z")]))
    found = play(committed, items(5, fails_0=["ship"], bad_2=True))
    assert found.status == "completed"
    assert found.context["lines"][:2] == [NO_SHIP, OK]
    assert "is bad" in found.context["lines"][2]["failed"]["message"]
    assert found.context["lines"][3:] == [OK, None]
    assert statuses() == ["compensated", "completed", "compensated", "completed"]


def test_s6_if_so_many_can_not_be_had_the_step_fails(know: Any, committed: Any) -> None:
    know(WAITING, Saga("shop", [act("a"), lines(enough=3), act("z")]))
    found = play(committed, items(4, fails_0=["pack"], fails_2=["pack"]))
    found = checked(found.pk)
    assert (found.status, done[-1]) == ("compensated", "undo a")
    assert found.steps["lines"]["failure"]["message"] == (
        "2 of 4 gave up: item 0 (Rejected: no pack), item 2 (Rejected: no pack). "
        "2 were withdrawn because of that. 3 had to complete."
    )
    assert statuses() == ["compensated"] * 4


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_items_fail_at_once(know: Any, committed: Any, count: int) -> None:
    know(LINE, Saga("shop", [act("a"), lines(enough=3)]))
    found = play(committed, items(count))
    assert (found.status, done) == ("compensated", ["a", "undo a"])
    message = f"There are {count} items, and 3 have to complete."
    assert found.steps["lines"]["failure"]["message"] == message


def test_s6_one_that_can_not_be_withdrawn_waits_for_a_person(know: Any, committed: Any) -> None:
    know(WAITING, Saga("shop", [lines(enough=1), act("z")]))
    found = play(committed, items(2, stuck_0=["pack"]))
    go(1, committed)
    assert (row(found.pk).status, statuses()) == ("running", ["failed", "completed"])
    engine.resolve("s~lines.0", "pack", **BY)
    work_off(committed)
    found = checked(found.pk)
    assert (found.status, found.context["lines"]) == ("completed", [None, OK])


def test_s7_one_that_is_past_its_own_pivot_is_waited_for(know: Any, committed: Any) -> None:
    line = Saga("line", [act("pack"), act("pay", Pivot), WaitFor("go")])
    know(line, Saga("shop", [lines(enough=1), act("z")]))
    found = play(committed, items(2))
    go(0, committed)
    assert (row(found.pk).status, statuses()) == ("running", ["completed", "running"])
    go(1, committed)
    found = checked(found.pk)
    assert (found.status, found.context["lines"]) == ("completed", [{"by": "pay"}] * 2)


def test_s5_a_cancel_after_enough(know: Any, committed: Any) -> None:
    know(WAITING, Saga("shop", [act("a"), lines(enough=1), WaitFor("never")]))
    found = play(committed, items(2))
    go(0, committed)
    engine.cancel("s", **BY)
    work_off(committed)
    assert checked(found.pk).status == "compensated"
    assert sorted(done[-3:-1]) == ["undo pack 0", "undo ship 0"]
    assert done[-1] == "undo a"


def test_a_pause_puts_off_what_is_withdrawn(know: Any, committed: Any) -> None:
    slow = Saga("line", [act("pack"), WaitFor("go")])
    know(slow, Saga("shop", [lines(enough=1), act("z")]))
    found = play(committed, items(2))
    engine.pause("s", **BY)
    engine.signal("s~lines.0", "go")
    work_off(committed)
    engine.resume("s", **BY)
    work_off(committed)
    found = checked(found.pk)
    assert (found.status, found.context["lines"]) == ("completed", [{"by": "pack"}, None])


def test_l4_a_quorum_within_the_birth(know: Any, committed: Any) -> None:
    """Items that have nothing to do end with it, and those beside them never begin."""
    ends = Saga("line", [Choice("c", "item.works", {1: [act("pack"), WaitFor("go")]})])
    know(ends, Saga("shop", [lines(enough=2), act("z")]))
    found = play(committed, items(4, works_0=1, works_2=1))
    assert (found.status, done) == ("completed", ["z"])
    assert found.context["lines"] == [None, {}, None, {}]
    assert statuses() == ["compensated", "completed", "compensated", "completed"]


def test_a_part_of_a_part_keeps_to_it(know: Any, committed: Any) -> None:
    inner = Saga("inner", [act("deep"), SubSaga("line", input=["item"])])
    know(LINE, inner)
    step = ForEach("lines", over="items", saga="inner", on_failure="continue")
    know(Saga("shop", [step, act("z")]))
    found = play(committed, items(2, fails_1=["ship"]))
    assert (found.status, done[-1]) == ("completed", "z")
    assert [each for each in done if "undo" in each] == ["undo pack 1", "undo deep 1"]
    assert "It gave up: ship" in found.context["lines"][1]["failed"]["message"]
