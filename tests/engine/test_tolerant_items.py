"""`ForEach(on_failure="continue")`, in the rows."""

from typing import Any

import pytest

from sagas import (
    Choice,
    ForEach,
    Parallel,
    Pivot,
    Present,
    Retry,
    Saga,
    engine,
    queries,
)
from sagas.errors import OperationRefused
from sagas.machine import WaitFor
from sagas.machine.context import CONTEXT_LIMIT
from sagas.models import SagaExecution
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


@pytest.mark.parametrize("window", [None, 1, 2])
def test_s4_an_item_that_gave_up_is_undone_and_all_others_go_on(
    know: Any, committed: Any, window: int | None
) -> None:
    know(LINE, Saga("shop", [lines(on_failure="continue", max_concurrency=window), VOUCHER]))
    found = play(committed, items(4, fails_1=["ship"], fails_2=["ship"]))
    assert found.status == "completed"
    assert found.context["lines"] == [OK, NO_SHIP, NO_SHIP, OK]
    assert found.context["lines_failed"] == {
        "error": "ChildrenGaveUp",
        "message": "2 of 4 gave up: item 1 (Rejected: no ship), item 2 (Rejected: no ship).",
    }
    assert statuses() == ["completed", "compensated", "compensated", "completed"]
    assert {"undo pack 1", "undo pack 2"} == {each for each in done if "undo" in each}
    assert done[-1] == "voucher"


def test_a_list_without_failures_is_as_ever(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [lines(on_failure="continue"), VOUCHER]))
    found = play(committed, items(2))
    assert found.context["lines"] == [OK, OK]
    assert "lines_failed" not in found.context
    assert done[-1] == "tickets"


def test_items_of_an_action_may_fail_too(know: Any, committed: Any) -> None:
    ship = act("ship")
    step = ForEach(
        "lines",
        over="items",
        action=ship.action,
        compensation=ship.compensation,
        retry=Retry(1),
        on_failure="continue",
    )
    know(Saga("shop", [step, act("z")]))
    found = play(committed, items(3, fails_0=["ship"]), fails=["z"])
    assert found.status == "compensated"
    assert found.context["lines"] == [NO_SHIP, OK, OK]
    assert sorted(done[-2:]) == ["undo ship 1", "undo ship 2"]


def test_all_may_have_failed(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [act("a"), lines(on_failure="continue"), act("z")]))
    found = play(committed, items(2, fails_0=["pack"], fails_1=["ship"]), fails=["z"])
    assert found.status == "compensated", "and nothing of it was left to be undone"
    assert [list(each) for each in found.context["lines"]] == [["failed"], ["failed"]]
    assert done[-2:] == ["z", "undo a"]


@pytest.mark.parametrize("window", [None, 1])
def test_l4_an_item_that_is_refused_at_birth_is_one_that_failed(
    know: Any, committed: Any, window: int | None
) -> None:
    know(LINE, Saga("shop", [lines(on_failure="continue", max_concurrency=window), act("z")]))
    found = play(committed, items(3, bad_0=True, bad_2=True))
    assert (found.status, done) == ("completed", ["pack 1", "ship 1", "z"])
    refused, shipped, _ = found.context["lines"]
    assert shipped == OK
    assert refused["failed"]["error"] == "BadInput"
    assert "is bad" in refused["failed"]["message"]
    assert statuses() == ["compensated", "completed", "compensated"]
    events = [event.type for event in queries.events_after(row_of(0).pk, 0)]
    assert events == ["saga.started", "saga.compensating", "saga.released", "saga.compensated"]


def row_of(number: int) -> SagaExecution:
    return SagaExecution.objects.get(saga_id=f"s~lines.{number}")


def test_l4_all_are_refused_at_birth(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [lines(on_failure="continue"), act("z")]))
    found = play(committed, items(2, bad_0=True, bad_1=True))
    assert (found.status, done) == ("completed", ["z"])


def test_l4_a_lock_that_is_taken_refuses_one(know: Any, committed: Any) -> None:
    line = Saga(
        "line",
        [act("ship")],
        locks=lambda context: [f"shelf {context['item']['n']}"],
        on_conflict="fail",
    )
    know(line, Saga("shop", [lines(on_failure="continue")]))
    know(Saga("other", [WaitFor("go")], locks=lambda _: ["shelf 1"]))
    engine.start("other", {}, saga_id="o")
    found = play(committed, items(2))
    assert found.context["lines"][0] == OK
    assert found.context["lines"][1]["failed"]["error"] == "LockHeld"


def test_s7_after_the_pivot_an_item_may_be_refused_at_birth(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [act("p", Pivot), lines(on_failure="continue")]))
    found = play(committed, items(2, bad_0=True))
    assert found.status == "completed"
    assert list(found.context["lines"][0]) == ["failed"]


def test_an_unknown_saga_fails_the_step(know: Any, committed: Any) -> None:
    know(Saga("shop", [act("a"), lines(on_failure="continue")]))
    found = play(committed, items(2))
    assert (found.status, done) == ("compensated", ["a", "undo a"])
    assert "No saga of type 'line'" in found.steps["lines"]["failure"]["message"]


def test_s6_an_item_that_can_not_be_undone_waits_for_a_person(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [lines(on_failure="continue"), act("z")]))
    found = play(committed, items(3, fails_1=["ship"], stuck_1=["pack"]))
    assert found.status == "running"
    assert statuses() == ["completed", "failed", "completed"]
    [needy] = queries.describe(found)["attention"]
    engine.resolve(needy["saga_id"], "pack", **BY)
    work_off(committed)
    found = checked(found.pk)
    assert (found.status, done[-1]) == ("completed", "z")
    assert found.context["lines"] == [OK, NO_SHIP, OK]


def test_s6_a_cancel_while_one_is_stuck_undoes_the_others(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [act("a"), lines(on_failure="continue")]))
    found = play(committed, items(3, fails_1=["ship"], stuck_1=["pack"]))
    engine.cancel("s", **BY)
    work_off(committed)
    assert statuses() == ["compensated", "failed", "compensated"]
    assert (row(found.pk).status, done[-1]) == ("failed", "undo a")
    engine.resolve("s~lines.1", "pack", **BY)
    work_off(committed)
    assert checked(found.pk).status == "compensated"


def test_s5_a_cancel_while_one_is_undone_and_others_are_at_work(know: Any, committed: Any) -> None:
    know(WAITING, Saga("shop", [Parallel(lines(on_failure="continue"), WaitFor("never"))]))
    found = play(committed, items(3, fails_1=["pack"]))
    assert statuses() == ["running", "compensated", "running"]
    engine.signal("s~lines.0", "go")
    work_off(committed)
    engine.cancel("s", **BY)
    work_off(committed)
    assert checked(found.pk).status == "compensated"
    assert statuses() == ["compensated"] * 3


def test_a_pause_puts_off_what_is_undone(know: Any, committed: Any) -> None:
    know(WAITING, Saga("shop", [lines(on_failure="continue")]))
    found = play(committed, items(2, fails_1=["ship"]))
    for number in range(2):
        engine.signal(f"s~lines.{number}", "go")
    engine.pause("s", **BY)
    work_off(committed)
    assert statuses() == ["running", "running"]
    engine.resume("s", **BY)
    work_off(committed)
    assert checked(found.pk).context["lines"] == [OK, NO_SHIP]


def test_a_result_must_not_look_like_a_failure(know: Any, committed: Any) -> None:
    step = ForEach("lines", over="items", action=lambda _: {"failed": 1}, on_failure="continue")
    know(Saga("shop", [act("a"), step]))
    found = play(committed, items(1))
    assert (found.status, done) == ("compensated", ["a", "undo a"])
    assert "lines.0.failed: It is the key" in found.steps["lines"]["failure"]["message"]


def test_a_person_tries_again_after_the_pivot(know: Any, committed: Any) -> None:
    """What the results can't be kept beside is amended, and the items tell anew."""
    know(LINE, Saga("shop", [act("p", Pivot), lines(on_failure="continue")]))
    found = play(committed, items(2, bad_0=True), text="x" * (CONTEXT_LIMIT - 130))
    assert found.status == "failed"
    engine.amend("s", {"text": ""}, **BY)
    engine.retry("s", **BY)
    work_off(committed)
    found = checked(found.pk)
    assert found.status == "completed"
    assert list(found.context["lines"][0]) == ["failed"]


@pytest.mark.parametrize("options", [{"on_failure": "continue"}, {"enough": 2}])
def test_a_person_can_not_skip_or_amend_what_is_at_work(
    know: Any, committed: Any, options: dict[str, Any]
) -> None:
    know(WAITING, Saga("shop", [lines(**options)]))
    play(committed, items(3, fails_0=["pack"]))
    with pytest.raises(OperationRefused, match="Step lines is running"):
        engine.skip("s", "lines", changes={"lines": []}, **BY)
    engine.pause("s", **BY)
    with pytest.raises(OperationRefused, match="neither those items nor their number may change"):
        engine.amend("s", {"items": []}, **BY)


def test_s3_a_person_skips_it_before_its_turn(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [WaitFor("go"), lines(on_failure="continue"), act("z")]))
    found = play(committed, items(2))
    engine.skip("s", "lines", changes={"lines": []}, **BY)
    engine.signal("s", "go")
    work_off(committed)
    assert (checked(found.pk).status, done, statuses()) == ("completed", ["z"], [])
