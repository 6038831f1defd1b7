"""Signals that a saga keeps for the rounds of its `Repeat`, or that the round at work took."""

from typing import Any

import pytest

from sagas.machine import (
    ChildrenMoved,
    ChildrenRefused,
    Failure,
    FailureKind,
    Outcome,
    Pause,
    Repeat,
    Resume,
    Saga,
    Signal,
    Start,
    Succeeded,
    Verdict,
    WaitFor,
    event_from_json,
    event_to_json,
    start,
)
from sagas.machine import events as ev
from sagas.machine.repeating import wait_for
from sagas.testing import Conversation
from tests.machine.collecting import check, refusal
from tests.machine.conversation import ACTION, BY_ANNA, step

CARD = WaitFor("card")
BIDS = WaitFor("bid", collect=True, most=2)


def collect(*steps: Any, **options: Any) -> Repeat:
    given: dict[str, Any] = {"until": "paid", "most": 3} | options
    return Repeat("collect", [*steps] or [CARD, BIDS, step("b")], **given)


def shop(*first: Any, **options: Any) -> Conversation:
    return Conversation(Saga("shop", [*first, collect(**options), step("z")]))


def send(of: Conversation, name: str, payload: Any, key: str = "", **how: Any) -> Verdict:
    found = of.tell(Signal(name, payload, "anna", key, f"call {len(of.history)}", **how))
    check(of)
    return found.verdict


def ends(of: Conversation, **changes: Any) -> tuple[Start, ...]:
    """The round at work has completed; what is started by that."""
    found = of.tell(ChildrenMoved("collect", {Outcome.COMPLETED: 1}, changes))
    check(of)
    return found.starts


def kept(*signals: tuple[str, Any]) -> tuple[Signal, ...]:
    return tuple(Signal(name, payload, "its parent") for name, payload in signals)


# --- Which step takes it --------------------------------------------------------------------------


def test_a_saga_knows_the_signals_of_its_rounds() -> None:
    inner = Repeat("inner", [CARD], until="paid", most=2)
    saga = Saga("shop", [collect(inner, BIDS), WaitFor("go")])
    assert {name: each.name for name, each in saga.signals.items()} == {
        "go": "go",
        "card": "collect",
        "bid": "collect",
    }
    assert wait_for(saga, "card") == CARD
    assert wait_for(saga, "bid") == BIDS
    assert wait_for(saga, "nobody") is None


@pytest.mark.parametrize(
    "others",
    [
        [Repeat("again", [CARD], until="paid", most=2)],
        [step("card")],
        [Repeat("again", [Repeat("inner", [CARD], until="x", most=2)], until="paid", most=2)],
    ],
)
def test_a_name_that_others_have_is_not_guessed(others: list[Any]) -> None:
    saga = Saga("shop", [collect(CARD), *others])
    assert "card" not in saga.signals


def test_a_wait_of_its_own_comes_first() -> None:
    assert Saga("shop", [collect(CARD), CARD]).signals == {"card": CARD}


# --- Kept, and handed over ------------------------------------------------------------------------


def test_r13_what_comes_early_is_handed_to_the_first_round() -> None:
    of = shop(step("a"))
    assert send(of, "card", "x") is Verdict.ACCEPTED
    send(of, "bid", 1)
    send(of, "bid", 2)
    fence = of.claim("a")
    [first] = of.tell(Succeeded("a", ACTION, fence, {})).starts
    check(of)
    assert first == Start("collect", 0, 1, kept(("card", "x"), ("bid", 1), ("bid", 2)))
    assert of.state.options.signals == of.state.options.collected == {}
    assert ends(of) == (Start("collect", 1, 1),), "once"


def test_r13_what_no_round_took_is_handed_to_the_next() -> None:
    of = shop()
    assert send(of, "card", "x", taken=False) is Verdict.ACCEPTED
    assert ends(of) == (Start("collect", 1, 1, kept(("card", "x"))),)
    assert ends(of) == (Start("collect", 2, 1),)


def test_what_the_round_took_is_not_kept() -> None:
    of = shop()
    assert send(of, "card", "x", "evt-1", taken=True) is Verdict.ACCEPTED
    assert of.state.options.signals == {}
    assert send(of, "card", "x", "evt-1") is Verdict.REPEATED
    assert "'evt-1' came before, with another payload" in refusal(of, "y", "evt-1", "card")
    assert ends(of) == (Start("collect", 1, 1),)
    assert send(of, "card", "x", "evt-1") is Verdict.REPEATED


def test_r6_one_without_a_key_that_is_handed_in_again_changes_nothing() -> None:
    of = shop()
    for taken in (True, None):
        fact = Signal("card", 1, "anna", call=f"call {taken}", taken=taken)
        assert of.tell(fact).verdict is Verdict.ACCEPTED
        assert of.tell(fact).verdict is Verdict.REPEATED


def test_r13_one_is_kept_where_a_round_waits_for_one() -> None:
    of = shop(step("a"))
    send(of, "card", "x")
    assert send(of, "card", "x") is Verdict.REPEATED
    assert "came before, with another payload" in refusal(of, "y", name="card")
    assert "came before, with another key" in refusal(of, "x", "evt-1", "card")
    send(of, "bid", 1)
    send(of, "bid", 1)
    assert "are all it waits for" in refusal(of, 1, name="bid")


def test_r13_nothing_is_kept_for_a_round_that_will_not_be() -> None:
    of = shop(most=1)
    assert send(of, "card", "x", taken=True) is Verdict.ACCEPTED
    found = of.tell(Signal("card", "y", "anna", "evt-2", taken=False))
    assert found.verdict is Verdict.REFUSED
    assert found.reason == "The wait for 'card' is over, and this is the last round."
    ends(of, paid=True)
    assert refusal(of, "y", name="card") == (
        "No further round waits for 'card': step collect is succeeded."
    )


def test_r13_what_turns_back_takes_none() -> None:
    of = shop(step("a"))
    of.cancel()
    assert "waits for nothing any more" in refusal(of, "x", name="card")


def test_the_keys_of_a_thousand_are_known(monkeypatch: Any) -> None:
    monkeypatch.setattr("sagas.machine.repeating.MOST_KNOWN", 2)
    of = shop()
    send(of, "card", "x", "1", taken=True)
    send(of, "card", "x", "2", taken=True)
    assert "2 signals 'card' have come: send more to the round itself" in refusal(
        of, "x", "3", "card"
    )
    assert send(of, "card", "x", "2") is Verdict.REPEATED


def test_paused_between_two_rounds_it_is_kept() -> None:
    of = shop()
    of.tell(Pause(**BY_ANNA))
    assert ends(of) == ()
    send(of, "card", "x", taken=False)
    assert of.tell(Resume(**BY_ANNA)).starts == (Start("collect", 1, 1, kept(("card", "x"))),)


def test_a_round_that_could_not_begin_is_no_reason_to_keep_it() -> None:
    of = shop(step("a"))
    send(of, "card", "x")
    of.succeed("a")
    of.tell(ChildrenRefused("collect", 1, Failure(FailureKind.REJECTED, "BadInput", "no")))
    check(of)
    assert of.due() == {("a", "compensation")}


def test_a_round_begins_with_what_was_kept() -> None:
    [part] = Saga("shop", [collect()]).item_sagas
    begun = ev.SagaStarted("s~collect.1", part.saga_type, 1, {})
    decision = start(part, begun, Conversation(part).now, early=kept(("card", 7), ("bid", 1)))
    [_, card, bid, *_] = [recorded.event for recorded in decision.events]
    assert (card.type, bid.type) == ("saga.signalled", "saga.signalled")
    assert decision.state.context["card"] == 7
    assert decision.state.options.collected == {"bid": [1]}


def test_r15_events_of_other_sagas_have_no_new_field() -> None:
    assert event_to_json(ev.SagaSignalled("card", 1, "anna")) == {
        "name": "card",
        "payload": 1,
        "by": "anna",
    }
    assert not {"hands", "adds"} & event_to_json(ev.StepChildren("s", ACTION, 1)).keys()
    handed = ev.StepChildren("s", ACTION, 1, hands=("card",))
    assert event_to_json(handed)["hands"] == ["card"]
    assert event_from_json(handed.type, event_to_json(handed)) == handed
