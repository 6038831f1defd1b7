"""Children that a person helps on: tried again, kept still, and left what they work on."""

from typing import Any

import pytest

from sagas import engine
from sagas.engine import transact
from sagas.errors import OperationRefused
from sagas.machine import ForEach, InvalidInput, Pivot, Rejected, Retry, Saga, SagaStep, SubSaga
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import row
from tests.engine.test_children import family

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = Retry(max_attempts=1)
TWICE = Retry(max_attempts=2)
done: list[str] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    done.clear()


def nothing(context: Any) -> None:
    return None


def notes(context: Any) -> None:
    done.append(context["item"])


def refuses(context: Any) -> None:
    raise Rejected("no")


def each(action: Any = notes, **options: Any) -> ForEach:
    return ForEach("reserve", over="items", action=action, compensation=notes, **options)


def untold(committed: Any, monkeypatch: Any) -> None:
    """The first child comes to its end, and the worker dies before the parent hears of it."""
    with monkeypatch.context() as dying:
        dying.setattr(transact, "notify_parent", lambda found: None)
        work_off(committed)


def tell(execution_id: int, committed: Any) -> None:
    """The wake loop finds the child that has news."""
    child = SagaExecution.objects.get(parent_id=execution_id)
    SagaExecution.objects.filter(pk=child.pk).update(wake_at=child.updated_at)
    work_off(committed)


def test_s2_what_completed_children_give_is_taken_when_there_is_room_for_it(
    define: Any, committed: Any
) -> None:
    """Past the pivot their step can't turn back; it is tried again, and no child is."""

    def large(context: Any) -> dict[str, str]:
        done.append(context["item"])
        return {"note": "x" * 1000}

    notify = ForEach("notify", over="items", action=large, retry=TWICE)
    define(Saga("shop", [Pivot("ship", nothing), notify]))
    full = {"items": ["a", "b"], "ballast": "y" * 260_500}
    started = engine.start("shop", full, saga_id="s")
    work_off(committed)
    assert family(started.execution_id) == ["failed", "completed", "completed"]
    engine.amend("s", {"ballast": ""}, by="anna")
    engine.retry("s", step="notify", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 3
    assert done == ["a", "b"]
    assert [given["note"] for given in row(started.execution_id).context["notify"]] == [
        "x" * 1000
    ] * 2


def test_items_that_could_not_begin_begin_when_they_can(define: Any, committed: Any) -> None:
    """The second item's context, with what it is given beside it, is too large."""
    notify = ForEach(
        "notify", over="items", action=notes, given=["items"], retry=TWICE, max_concurrency=1
    )
    define(Saga("shop", [Pivot("ship", nothing), notify]))
    context = {"items": ["a", "b" * 135_000]}
    started = engine.start("shop", context, saga_id="s")
    work_off(committed)
    assert family(started.execution_id) == ["failed", "completed"]
    engine.amend("s", {"items": ["a", "b"]}, by="anna")
    engine.retry("s", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 3
    assert done == ["a", "b"]


def test_a_sub_saga_that_could_not_begin_begins_when_it_can(define: Any, committed: Any) -> None:
    def picky(context: Any) -> None:
        if not context["address"]:
            raise InvalidInput({"address": "is missing"})

    define(Saga("ship", [SagaStep("pack", nothing)], validate=picky))
    define(Saga("shop", [Pivot("pay", nothing), SubSaga("ship")]))
    started = engine.start("shop", {"address": ""}, saga_id="s")
    work_off(committed)
    assert family(started.execution_id) == ["failed"]
    engine.amend("s", {"address": "Main Street 1"}, by="anna")
    engine.retry("s", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 2


def test_the_next_items_wait_until_their_saga_is_resumed(
    define: Any, committed: Any, monkeypatch: Any
) -> None:
    define(Saga("shop", [each(max_concurrency=1)]))
    started = engine.start("shop", {"items": ["a", "b"]}, saga_id="s")
    untold(committed, monkeypatch)
    engine.pause("s", by="anna")
    tell(started.execution_id, committed)
    assert family(started.execution_id) == ["running", "completed"]
    engine.resume("s", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 3


@pytest.mark.parametrize("items", [["a"], ["a", "b", "c", "d"], ["z", "b", "c"], "abc"])
def test_s10_a_list_is_kept_while_its_items_are_at_work(
    items: Any, define: Any, committed: Any
) -> None:
    define(Saga("shop", [each(max_concurrency=1)]))
    started = engine.start("shop", {"items": ["a", "b", "c"]}, saga_id="s")
    engine.pause("s", by="anna")
    with pytest.raises(
        OperationRefused, match="reserve has started children for items of that list"
    ):
        engine.amend("s", {"items": items}, by="anna")
    engine.amend("s", {"items": ["a", "B", "c"]}, by="anna")  # not begun
    engine.resume("s", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 4
    assert done == ["a", "B", "c"]


def test_s6_children_that_turned_back_take_their_saga_with_them(
    define: Any, committed: Any, monkeypatch: Any
) -> None:
    define(Saga("shop", [each(refuses, retry=ONCE)]))
    started = engine.start("shop", {"items": ["a"]}, saga_id="s")
    untold(committed, monkeypatch)
    engine.pause("s", by="anna")
    tell(started.execution_id, committed)
    for act in (engine.skip, engine.resolve, engine.retry):
        with pytest.raises(OperationRefused):
            act("s", step="reserve", by="anna")
    engine.resume("s", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["compensated", "compensated"]
