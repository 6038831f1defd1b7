"""`ForEach(saga=…)`: each item is an execution of a saga that other code may know, too."""

from functools import partial
from typing import Any

import pytest

from sagas import Choice, ForEach, Parallel, Pivot, Saga, engine
from sagas.errors import BadInput
from sagas.machine import DefinitionError, InvalidInput, SubSaga, WaitFor
from sagas.models import SagaExecution, SagaLock
from sagas.registry import Registry
from sagas.testing.workers import work_off
from tests.engine import items
from tests.engine.items import checked, done, play

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def of_carrier(name: str, context: Any) -> dict[str, Any]:
    return {f"{name}_by": context.get("carrier", "us"), "secret": 1}


act = partial(items.act, gives=of_carrier)

LINE = Saga("line", [act("pack"), act("ship")])


def lines(**options: Any) -> ForEach:
    return ForEach("lines", over="items", saga="line", **options)


def children() -> list[SagaExecution]:
    return list(SagaExecution.objects.filter(parent_step="lines").order_by("number"))


def test_each_item_is_an_execution_of_the_saga(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [lines(given=["carrier"], output={"ship_by": "by"}), act("z")]))
    found = play(committed, [{"n": 0}, {"n": 1}], carrier="post")
    assert found.status == "completed"
    assert found.context["lines"] == [{"by": "post"}, {"by": "post"}]
    one = children()[1]
    assert (one.saga_id, one.saga_type, one.version) == ("s~lines.1", "line", 1)
    assert one.context["item"] == {"n": 1}
    assert (one.context["index"], one.context["carrier"]) == (1, "post")
    assert done[-1] == "z"


def test_its_version_is_the_newest_or_the_one_that_is_named(know: Any, committed: Any) -> None:
    newer = Saga("line", [act("send")], version=2)
    both = Parallel(lines(output=["send_by"]), ForEach("old", over="items", saga="line", version=1))
    know(LINE, newer, Saga("shop", [both]))
    found = play(committed, [{"n": 0}])
    assert found.context["lines"] == [{"send_by": "us"}]
    assert found.context["old"] == [{}]
    assert sorted(done) == ["pack 0", "send 0", "ship 0"]


def test_s6_an_item_that_fails_turns_all_back(know: Any, committed: Any) -> None:
    know(LINE, Saga("shop", [act("a"), lines(max_concurrency=1), act("z")]))
    found = play(committed, [{"n": 0}, {"n": 1, "fails": ["ship"]}, {"n": 2}])
    assert found.status == "compensated"
    assert found.steps["lines"]["failure"]["message"] == (
        "1 of 3 gave up: item 1 (Rejected: no ship). 1 were not started."
    )
    assert done[:5] == ["a", "pack 0", "ship 0", "pack 1", "ship 1"]
    assert sorted(done[5:-1]) == ["undo pack 0", "undo pack 1", "undo ship 0"]
    assert done[-1] == "undo a"


def test_s7_items_past_their_own_pivot_are_left_to_a_person(know: Any, committed: Any) -> None:
    line = Saga("line", [act("pack"), act("ship", Pivot)])
    know(line, Saga("shop", [lines(), WaitFor("paid")]))
    found = play(committed, [{"n": 0}, {"n": 1}])
    engine.cancel("s", by="anna")
    work_off(committed)
    found = checked(found.pk)
    assert found.status == "failed"
    assert "2 of 2 went past their own pivot" in found.steps["lines"]["failure"]["message"]


# --- At birth -------------------------------------------------------------------------------------


def validated(context: Any) -> None:
    if context["item"].get("bad"):
        raise InvalidInput({"item": "is bad"})


@pytest.mark.parametrize("window", [None, 1])
def test_l4_an_item_that_is_refused_at_birth_is_told(
    know: Any, committed: Any, window: int | None
) -> None:
    line = Saga("line", [act("pack")], validate=validated)
    know(line, Saga("shop", [act("a"), lines(max_concurrency=window), act("z")]))
    found = play(committed, [{"n": 0}, {"n": 1, "bad": True}])
    assert found.status == "compensated"
    message = found.steps["lines"]["failure"]["message"]
    assert message.startswith("Item 1 could not begin: ")
    assert "is bad" in message
    assert done[-1] == "undo a"


ENDS = Saga("line", [Choice("c", "item.works", {1: act("pack")})])
"""Of items that have nothing to do, it ends as soon as it is born."""


@pytest.mark.parametrize("window", [None, 1, 2])
@pytest.mark.parametrize("works", [[1, 0, 1, 0, 0], [0, 0], [0, 1], [1, 0]])
def test_l4_items_that_end_at_birth_are_heard_beside_older_ones(
    know: Any, committed: Any, window: int | None, works: list[int]
) -> None:
    know(ENDS, Saga("shop", [lines(max_concurrency=window, output={"index": "i"})]))
    found = play(committed, [{"n": n, "works": each} for n, each in enumerate(works)])
    assert found.status == "completed"
    assert found.context["lines"] == [{"i": n} for n in range(len(works))]
    assert sorted(done) == [f"pack {n}" for n, each in enumerate(works) if each]


def test_l4_items_that_give_up_at_birth_are_named_beside_older_ones(
    know: Any, committed: Any
) -> None:
    each = ForEach("each", over="item", action=lambda _: None)
    know(Saga("line", [Choice("c", "item.n", {1: each}, otherwise=act("pack"))]))
    know(Saga("shop", [lines(max_concurrency=1)]))
    found = play(committed, [{"n": 0}, {"n": 1}])
    assert found.status == "compensated"
    assert found.steps["lines"]["failure"]["message"].startswith("1 of 2 gave up: item 1 (NotAList")


def test_locks_of_items_are_those_of_their_family(know: Any, committed: Any) -> None:
    line = Saga("line", [act("pack"), WaitFor("go")], locks=lambda _: ["shelf"])
    know(line, Saga("shop", [lines()]), Saga("other", [act("o")], locks=lambda _: ["shelf"]))
    play(committed, [{"n": 0}, {"n": 1}])
    engine.start("other", {}, saga_id="o")
    work_off(committed)
    assert sorted(done) == ["pack 0", "pack 1"]
    for number in range(2):
        engine.signal(f"s~lines.{number}", "go")
    work_off(committed)
    assert "o" in done
    assert SagaLock.objects.count() == 0


def test_s5_a_cancel_while_items_are_at_work(know: Any, committed: Any) -> None:
    line = Saga("line", [act("pack"), WaitFor("go"), act("ship")])
    know(line, Saga("shop", [act("a"), lines()]))
    found = play(committed, [{"n": 0}, {"n": 1}])
    engine.pause("s", by="anna")
    engine.signal("s~lines.0", "go")
    work_off(committed)
    assert "ship 0" not in done
    engine.resume("s", by="anna")
    work_off(committed)
    assert "ship 0" in done
    engine.cancel("s", by="anna")
    work_off(committed)
    assert checked(found.pk).status == "compensated"
    assert done[-1] == "undo a"


def test_s12_a_parent_that_moves_leaves_its_items_alone(know: Any, committed: Any) -> None:
    line = Saga("line", [act("pack"), WaitFor("go")])
    know(line, Saga("shop", [lines()]))
    found = play(committed, [{"n": 0}])
    know(Saga("shop", [lines(), act("z")], version=2))
    engine.adopt("s", version=2, by="anna", reason="a step more")
    engine.signal("s~lines.0", "go")
    work_off(committed)
    found = checked(found.pk)
    assert (found.status, found.version, done[-1]) == ("completed", 2, "z")
    assert [each.version for each in children()] == [1]


# --- Sagas that start each other ------------------------------------------------------------------


def test_a_saga_can_not_be_its_own_item() -> None:
    with pytest.raises(DefinitionError, match=r"step 'lines': saga is 'line'\. That is this saga"):
        Saga("line", [lines()])
    Saga("line", [lines(version=1)], version=2)


def test_nor_in_a_circle(know: Any) -> None:
    know(Saga("shop", [lines()]), Saga("line", [SubSaga("shop")]))
    with pytest.raises(BadInput, match=r"shop .version 1. → line .version 1. → shop"):
        engine.start("shop", {"items": [{"n": 0}]})


def test_an_unknown_saga_is_found_when_all_are_known() -> None:
    known = Registry()
    known.add(Saga("shop", [lines()]))
    with pytest.raises(DefinitionError, match="Saga 'shop', step 'lines': No saga of type 'line'"):
        known.check_parts()
