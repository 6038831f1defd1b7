"""What a step made of sagas says of why it gave up: whose fault it was, and the reason."""

from typing import Any

import pytest

from sagas import engine
from sagas.engine import transact
from sagas.machine import (
    ChildrenReported,
    ForEach,
    InvalidInput,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    SubSaga,
    WaitFor,
)
from sagas.testing.workers import work_off
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = Retry(max_attempts=1)
bad: set[Any] = set()


@pytest.fixture(autouse=True)
def _clean() -> None:
    bad.clear()


def act(context: Any) -> None:
    if context["item"] in bad:
        raise Rejected(f"no {context['item']} is left")


def undo(context: Any) -> None:
    pass


def refuse(context: Any) -> None:
    raise Rejected("the card is expired")


def each(**options: Any) -> ForEach:
    return ForEach("each", over="items", action=act, compensation=undo, retry=ONCE, **options)


def why(execution_id: int, step: str) -> str:
    found = row(execution_id)
    assert found.status == "compensated"
    failure = found.steps[step]["failure"]
    assert failure["error"] == "ChildrenGaveUp"
    message: str = failure["message"]
    return message


def test_the_item_at_fault_is_named_and_those_withdrawn_have_not_given_up(
    define: Any, committed: Any
) -> None:
    """It is handled first, so that all others are turned back before they begin."""
    define(Saga("shop", [each(max_concurrency=40)]))
    bad.add(7)
    started = engine.start("shop", {"items": list(range(60))})
    committed.sort(key=lambda told: not told.saga_id.endswith("~each.7"))
    work_off(committed)
    assert why(started.execution_id, "each") == (
        "1 of 60 gave up: item 7 (Rejected: no 7 is left). 39 were withdrawn because of that. "
        "20 were not started."
    )


def test_of_many_at_fault_some_are_named_and_the_others_counted(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, before the parent hears of any."""
    define(Saga("shop", [each()]))
    bad.update([1, 3, 4, 5])
    started = engine.start("shop", {"items": list(range(6))})
    with monkeypatch.context() as unheard:
        unheard.setattr(transact, "notify_parent", lambda found: None)
        work_off(committed)
    transact.transact(started.execution_id, ChildrenReported())
    work_off(committed)
    assert why(started.execution_id, "each") == (
        "4 of 6 gave up: item 1 (Rejected: no 1 is left), item 3 (Rejected: no 3 is left), "
        "item 4 (Rejected: no 4 is left), 1 more."
    )


def test_a_long_reason_of_an_item_is_cut(define: Any, committed: Any) -> None:
    define(Saga("shop", [each()]))
    bad.add("long " * 90)
    started = engine.start("shop", {"items": [*bad]})
    work_off(committed)
    message = why(started.execution_id, "each")
    assert message.startswith("1 of 1 gave up: item 0 (Rejected: no long long")
    assert message.endswith("…).")
    assert len(message) < 160


def test_the_reason_is_told_through_all_levels(define: Any, committed: Any) -> None:
    define(Saga("pay", [SagaStep("charge", refuse, retry=ONCE)]))
    define(Saga("order", [SubSaga("pay")]))
    define(Saga("shop", [SubSaga("order")]))
    started = engine.start("shop", {})
    work_off(committed)
    assert why(started.execution_id, "order") == (
        "It gave up: pay (ChildrenGaveUp: It gave up: charge (Rejected: the card is expired).)."
    )


def test_an_item_that_could_not_begin_is_named(define: Any, committed: Any) -> None:
    define(Saga("shop", [each(given=["items"])]))
    started = engine.start("shop", {"items": ["x", "y" * 135_000]})
    work_off(committed)
    message = why(started.execution_id, "each")
    assert message.startswith("Item 1 could not begin: ")
    assert "bytes" in message


def test_a_sub_saga_that_turned_back_at_its_birth_says_why(define: Any, committed: Any) -> None:
    def picky(context: Any) -> None:
        raise InvalidInput({"order": "is missing"})

    define(Saga("pay", [SagaStep("charge", refuse)], validate=picky))
    define(Saga("order", [SubSaga("pay")]))
    define(Saga("shop", [SubSaga("order")]))
    started = engine.start("shop", {})
    assert "order: is missing" in why(started.execution_id, "order")


def test_who_turns_back_with_the_parent_has_not_given_up(define: Any, committed: Any) -> None:
    define(Saga("waits", [WaitFor("never")]))
    define(Saga("shop", [SubSaga("waits")]))
    started = engine.start("shop", {}, saga_id="s")
    engine.cancel("s", by="anna")
    work_off(committed)
    assert why(started.execution_id, "waits") == "They turned back with their parent."
