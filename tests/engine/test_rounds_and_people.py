"""What people and deploys do to a saga between its rounds, and within them."""

from typing import Any

import pytest

from sagas import (
    Pivot,
    Saga,
    SagaStep,
    WaitFor,
    engine,
)
from sagas.errors import OperationRefused, UnknownSaga
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.engine.changing import BY, redefine
from tests.engine.driving import row
from tests.engine.rounds import CARD, act, ask, collect, done, found, play, settled, statuses

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


@pytest.fixture
def waiting(define: Any, committed: Any) -> SagaExecution:
    """At its second round, which waits for a signal."""
    define(Saga("shop", [act("a"), collect(CARD, WaitFor("go")), act("z")]))
    play(committed)
    engine.signal("s~collect.1", "go")
    return settled(committed)


def test_s5_a_cancel_within_a_round(waiting: SagaExecution, committed: Any) -> None:
    assert engine.preview("s").stages == (("collect",), ("a",))
    engine.cancel("s", by="anna")
    assert settled(committed).status == "compensated"
    assert done == ["a", "ask 1", "ask 2", "undo ask 2", "undo ask 1", "undo a"]


def test_a_round_is_not_cancelled_alone(waiting: SagaExecution) -> None:
    with pytest.raises(OperationRefused, match="part of another saga"):
        engine.cancel("s~collect.2", by="anna")


def test_a_pause_holds_the_rounds(waiting: SagaExecution, committed: Any) -> None:
    engine.pause("s", by="anna")
    work_off(committed)
    engine.signal("s~collect.2", "go", 2)
    settled(committed)
    assert statuses()["s~collect.2"] == "running"
    engine.amend("s", {"paid": True}, by="anna")
    engine.resume("s", by="anna")
    shop = settled(committed)
    assert shop.status == "completed"
    assert shop.context["paid"] is True, "the round has not changed it"
    assert (shop.context["go"], done[-1]) == (2, "z")


def test_what_is_amended_within_a_round_is_what_counts(
    waiting: SagaExecution, committed: Any
) -> None:
    engine.pause("s~collect.2", by="anna")
    engine.amend("s~collect.2", {"paid": True}, by="anna")
    engine.resume("s~collect.2", by="anna")
    engine.signal("s~collect.2", "go")
    assert settled(committed).status == "completed"
    assert done[-1] == "z"


def test_what_is_amended_between_rounds_is_what_counts(define: Any, committed: Any) -> None:
    """The saga is paused when its round, which was not told yet, ends."""
    define(Saga("shop", [collect(CARD, WaitFor("go")), act("z")]))
    play(committed)
    engine.pause("s", by="anna")
    engine.signal("s~collect.1", "go")
    engine.resume("s~collect.1", by="anna")
    settled(committed)
    assert statuses() == {"s": "running", "s~collect.1": "completed"}
    assert found("s").context["tries"] == 1
    engine.amend("s", {"paid": True}, by="anna")
    engine.resume("s", by="anna")
    assert settled(committed).status == "completed"
    assert statuses() == {"s": "completed", "s~collect.1": "completed"}


def test_a_step_of_a_round_is_skipped(waiting: SagaExecution, committed: Any) -> None:
    with pytest.raises(OperationRefused, match="collect is running"):
        engine.skip("s", "collect", by="anna")
    engine.skip("s~collect.2", "go", changes={"paid": True}, by="anna")
    shop = settled(committed)
    assert shop.status == "completed"
    assert shop.context["paid"] is True


def test_s12_rounds_keep_the_version_of_their_saga(
    waiting: SagaExecution, define: Any, committed: Any
) -> None:
    define(Saga("shop", [act("a"), collect(CARD, act("new")), act("z")], version=2))
    engine.signal("s~collect.2", "go")
    assert settled(committed).status == "running"
    assert done[-1] == "ask 3"
    assert set(SagaExecution.objects.values_list("version", flat=True)) == {1}


def test_s12_rounds_move_with_their_saga(define: Any, committed: Any) -> None:
    define(Saga("shop", [collect(CARD, WaitFor("go")), act("z")]))
    play(committed)
    redefine(collect(CARD, WaitFor("go"), act("new")), act("z"))
    with pytest.raises(UnknownSaga, match="another structure"):
        engine.signal("s~collect.1", "go")
    engine.adopt("s", 1, **BY)
    for number in (1, 2, 3):
        engine.signal(f"s~collect.{number}", "go")
        settled(committed)
    assert found("s").status == "completed"
    assert done == ["ask 1", "new 1", "ask 2", "new 2", "ask 3", "new 3", "z"]


def test_s7_after_the_pivot_rounds_go_forward_only(define: Any, committed: Any) -> None:
    card = SagaStep("ask", ask)
    steps: list[Any] = [
        Pivot("p", lambda _: None),
        collect(card, WaitFor("go"), on_most="continue"),
    ]
    define(Saga("shop", steps))
    play(committed, good=1)
    assert found("s~collect.1").options["forward_only"] is True
    with pytest.raises(OperationRefused):
        engine.cancel("s", by="anna")
    engine.signal("s~collect.1", "go")
    assert settled(committed).status == "completed"


def test_l1_nothing_is_left_behind(waiting: SagaExecution, committed: Any) -> None:
    """Each row that is not at rest is woken again, and the one that waits is not."""
    assert row(waiting.pk).wake_at is not None
    assert found("s~collect.2").wake_at is None
