"""Signals for the rounds of a `Repeat`, sent by the id of their saga."""

from typing import Any

import pytest

from sagas import Choice, Repeat, Saga, SagaStep, SubSaga, WaitFor, engine
from sagas.errors import BadInput, OperationRefused
from sagas.models import SagaEvent, SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, pass_time, row
from tests.engine.rounds import act, collect, done, found, settled

pytestmark = pytest.mark.django_db(transaction=True)

CARD = WaitFor("card")


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def is_paid(context: Any) -> dict[str, Any]:
    done.append(f"charge {context['card']}")
    return {"paid": context["card"] == "good"}


CHARGE = SagaStep("charge", is_paid, lambda context: done.append(f"refund {context['round']}"))


def begin(define: Any, *steps: Any, **options: Any) -> int:
    define(Saga("shop", [collect(*(steps or (CARD, CHARGE)), **options), act("z")]))
    return engine.start("shop", {}, saga_id="s").execution_id


def signals_of(saga_id: str) -> list[Any]:
    events = SagaEvent.objects.filter(execution__saga_id=saga_id, type="saga.signalled")
    return [event.data["payload"] for event in events.order_by("seq")]


def test_a_signal_reaches_the_round_that_waits(define: Any, committed: Any) -> None:
    begin(define)
    for number, card in enumerate(["bad", "worse", "good"]):
        engine.signal("s", "card", card, by="anna")
        assert signals_of(f"s~collect.{number + 1}") == [card]
        work_off(committed)
    last = settled(committed)
    assert (last.status, last.context["card"]) == ("completed", "good")
    assert done == ["charge bad", "charge worse", "charge good", "z"]
    assert signals_of("s") == ["bad", "worse", "good"]


def test_where_the_wait_is_the_end_of_a_round_the_next_begins_at_once(define: Any) -> None:
    begin(define, WaitFor("paid"))
    engine.signal("s", "paid", False)
    assert found("s").steps["collect"]["children"]["started"] == 2
    engine.signal("s", "paid", True)
    assert found("s").current_steps == ["z"]


def test_r13_an_early_signal_is_for_the_first_round(define: Any, committed: Any) -> None:
    define(Saga("shop", [WaitFor("go"), collect(CARD, CHARGE), act("z")]))
    engine.start("shop", {}, saga_id="s")
    engine.signal("s", "card", "good", key="evt-1")
    engine.signal("s", "card", "good", key="evt-1")
    with pytest.raises(OperationRefused, match="'card' came before, with another payload"):
        engine.signal("s", "card", "bad")
    engine.signal("s", "go")
    assert settled(committed).status == "completed"
    assert signals_of("s~collect.1") == ["good"]
    assert SagaExecution.objects.count() == 2


def test_r13_what_comes_once_the_wait_is_over_is_for_the_next_round(
    define: Any, committed: Any
) -> None:
    saga = begin(define)
    engine.signal("s", "card", "bad", key="evt-1")
    engine.signal("s", "card", "good", key="evt-2")
    engine.signal("s", "card", "good", key="evt-2")
    assert row(saga).options["signals"] == {"card": "good"}
    with pytest.raises(OperationRefused, match="'card' came before, with another key"):
        engine.signal("s", "card", "third", key="evt-3")
    last = settled(committed)
    assert (last.status, "signals" in last.options) == ("completed", False)
    assert done == ["charge bad", "charge good", "z"]
    second = SagaEvent.objects.get(execution__saga_id="s~collect.2", type="saga.signalled")
    assert (second.seq, second.data["by"]) == (2, "its parent")


def test_r13_a_key_counts_once_for_all_rounds(define: Any, committed: Any) -> None:
    begin(define)
    engine.signal("s", "card", "bad", key="evt-1")
    work_off(committed)
    engine.signal("s", "card", "bad", key="evt-1")
    assert signals_of("s~collect.2") == []
    with pytest.raises(OperationRefused, match="'evt-1' came before, with another payload"):
        engine.signal("s", "card", "good", key="evt-1")
    engine.signal("s", "card", "bad", key="evt-2")
    assert signals_of("s~collect.2") == ["bad"]


def test_r13_without_a_key_the_same_again_is_the_same_until_the_next_round(
    define: Any, committed: Any
) -> None:
    begin(define)
    engine.signal("s", "card", "bad")
    engine.signal("s", "card", "bad")
    work_off(committed)
    assert signals_of("s~collect.2") == []
    engine.signal("s", "card", "bad")
    assert signals_of("s~collect.2") == ["bad"]


def test_r13_what_the_round_has_not_come_to_is_not_overtaken(define: Any) -> None:
    begin(define, act("look"), CARD, CHARGE)
    engine.signal("s", "card", "bad")
    engine.signal("s", "card", "bad")
    with pytest.raises(OperationRefused, match="'card' came before, with another payload"):
        engine.signal("s", "card", "good")
    assert signals_of("s") == signals_of("s~collect.1") == ["bad"]


def test_r13_after_the_last_round_it_is_refused(define: Any, committed: Any) -> None:
    saga = begin(define, most=1, on_most="continue")
    engine.signal("s", "card", "bad")
    with pytest.raises(OperationRefused, match="is over, and this is the last round"):
        engine.signal("s", "card", "good")
    work_off(committed)
    with pytest.raises(OperationRefused, match="waits for nothing any more"):
        engine.signal("s", "card", "good")
    check_history(saga)


def test_r13_once_the_rounds_are_over_it_is_refused(define: Any, committed: Any) -> None:
    define(Saga("shop", [collect(CARD, CHARGE), WaitFor("go")]))
    engine.start("shop", {}, saga_id="s")
    engine.signal("s", "card", "good")
    work_off(committed)
    with pytest.raises(OperationRefused, match=r"No further round .*: step collect is succeeded"):
        engine.signal("s", "card", "more")
    with pytest.raises(OperationRefused, match=r"No step waits .* Waits: go, card\."):
        engine.signal("s", "nothing")


def test_waits_that_collect_are_reached_too(define: Any, committed: Any) -> None:
    bids = WaitFor("bid", collect=True, most=2)
    price = SagaStep("price", lambda context: {"paid": sum(context["bid"]) > 5})
    begin(define, bids, price)
    for number in range(4):
        engine.signal("s", "bid", number, key=f"evt-{number}")
    last = settled(committed)
    assert signals_of("s~collect.1") == [0, 1]
    assert signals_of("s~collect.2") == [2, 3]
    assert last.steps["collect"]["children"]["started"] == 3


def test_rounds_of_rounds_are_reached(define: Any, committed: Any) -> None:
    inner = Repeat("inner", [CARD, CHARGE], until="paid", most=2, on_most="continue")
    define(Saga("shop", [Repeat("outer", [inner], until="paid", most=2), act("z")]))
    engine.start("shop", {}, saga_id="s")
    for number, card in enumerate(["bad", "worse", "good"]):
        engine.signal("s", "card", card)
        work_off(committed)
        for each in SagaExecution.objects.exclude(parent=None):
            pass_time(each.pk, minutes=1)
        engine.wake(10)
        work_off(committed)
        assert SagaExecution.objects.filter(parent_step="inner").count() == min(number + 2, 3)
    assert found("s").status == "completed"
    assert signals_of("s~outer.2~inner.1") == ["good"]


def test_a_form_is_asked_of_what_is_kept_too(define: Any) -> None:
    define(Saga("shop", [WaitFor("go"), collect(WaitFor("paid", form={"type": "boolean"}))]))
    engine.start("shop", {}, saga_id="s")
    with pytest.raises(BadInput, match="payload"):
        engine.signal("s", "paid", "yes")
    engine.signal("s", "go")
    with pytest.raises(BadInput, match="payload"):
        engine.signal("s", "paid", "yes")
    assert signals_of("s") == [None]


def test_paused_between_two_rounds_it_is_kept(define: Any, committed: Any) -> None:
    begin(define)
    engine.signal("s", "card", "bad")
    engine.pause("s", by="anna")
    work_off(committed)
    engine.resume("s~collect.1", by="anna")
    work_off(committed)
    engine.signal("s", "card", "good")
    assert not SagaExecution.objects.filter(saga_id="s~collect.2").exists()
    engine.resume("s", by="anna")
    assert settled(committed).status == "completed"


def test_a_round_that_does_not_come_to_its_wait_has_had_it(define: Any, committed: Any) -> None:
    way = Choice("way", "round", {2: act("other")}, otherwise=[CARD, CHARGE])
    begin(define, way)
    engine.signal("s", "card", "bad", key="1")
    engine.signal("s", "card", "good", key="2")
    work_off(committed)
    assert signals_of("s~collect.2") == ["good"]
    assert found("s").steps["collect"]["children"]["started"] == 3


def test_names_that_two_steps_have_are_not_guessed(define: Any) -> None:
    first, second = (Repeat(n, [CARD], until="card", most=2) for n in ("first", "second"))
    define(Saga("shop", [first, second, WaitFor("go")]))
    engine.start("shop", {}, saga_id="s")
    with pytest.raises(OperationRefused, match=r"No step waits for a signal 'card'\. Waits: go\."):
        engine.signal("s", "card", 1)
    engine.signal("s~first.1", "card", 1)


def test_a_wait_of_the_saga_itself_comes_first(define: Any) -> None:
    define(Saga("shop", [collect(CARD, CHARGE), CARD]))
    engine.start("shop", {}, saga_id="s")
    engine.signal("s", "card", "bad")
    assert signals_of("s~collect.1") == []


def test_children_that_repeat_are_reached_by_their_own_id(define: Any, committed: Any) -> None:
    define(Saga("part", [collect(CARD, CHARGE)]))
    define(Saga("shop", [SubSaga("part")]))
    engine.start("shop", {}, saga_id="s")
    with pytest.raises(OperationRefused, match="No step waits"):
        engine.signal("s", "card", "good")
    engine.signal("s~part", "card", "good")
    work_off(committed)
    assert found("s~part").status == "completed"
