"""`ForEach` whose list grows by signals, until another signal says that no more items come."""

from typing import Any

import pytest

from sagas.machine import (
    DefinitionError,
    ForEach,
    Saga,
    Signal,
    Start,
    Verdict,
    WaitFor,
    wake_at,
)
from sagas.machine.added_items import items_of
from sagas.machine.wake import waits_for_signals
from sagas.testing import Conversation
from sagas.whatif.graph import flowchart
from tests.machine.collecting import refusal, send
from tests.machine.conversation import step
from tests.machine.growing import (
    HALT,
    add,
    close,
    counts,
    hears,
    lines,
    shop,
)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"closes_by": ""}, "the signal in closes_by '' can't be used"),
        ({"grows_by": ""}, "the signal in grows_by '' can't be used"),
        ({"grows_by": "Add line"}, "the signal in grows_by 'Add line' can't be used"),
        ({"closes_by": "add_line"}, "closes_by is 'add_line'. It adds items"),
        ({"enough": 2}, "enough is 2. All items of a list that grows are waited for"),
    ],
)
def test_what_can_not_work_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        lines(**options)


@pytest.mark.parametrize(
    "other",
    [
        WaitFor("add_line"),
        step("no_more"),
        ForEach("others", over="o", saga="line", grows_by="add_line", closes_by="x"),
    ],
)
def test_a_signal_has_a_name_of_its_own(other: Any) -> None:
    with pytest.raises(DefinitionError, match=r"the signal '\w+' has the name of a step"):
        Saga("shop", [lines(), other])


def test_s12_the_signals_are_part_of_the_structure() -> None:
    of = [lines(), lines(grows_by="more"), lines(closes_by="done")]
    digests = {Saga("shop", [each]).digest for each in of}
    fixed = ForEach("lines", over="items", saga="line")
    assert Saga("shop", [fixed]).digest not in digests
    assert len(digests) == len(of)
    assert Saga("shop", [lines(max_concurrency=3)]).digest in digests


def test_a_graph_says_how_it_grows() -> None:
    assert "<br>and of each signal add_line, until no_more" in flowchart(Saga("shop", [lines()]))


# --- Forward --------------------------------------------------------------------------------------


def test_each_signal_starts_one_more_item() -> None:
    of = shop("x")
    assert counts(of) == (1, 1)
    assert add(of, "y") == (Start("lines", 1, 1),)
    assert add(of, "z") == (Start("lines", 2, 1),)
    assert items_of(lines(), of.state) == ["x", "y", "z"]
    assert of.state.context["items"] == ["x"], "a list that grows is seen once it is whole"


def test_s3_it_ends_once_it_is_closed_and_all_are_done() -> None:
    of = shop("x")
    add(of, "y")
    hears(of, completed=2)
    assert of.due() == set(), "more may come"
    assert close(of) is Verdict.ACCEPTED
    assert of.due() == {("z", "action")}
    assert of.state.context["items"] == ["x", "y"]
    assert of.state.context["lines"] == ["…"]
    assert of.state.options.collected == of.state.options.signals == {}


def test_s3_closed_first_it_ends_with_the_last_item() -> None:
    of = shop("x")
    add(of, "y")
    close(of)
    hears(of, completed=1)
    assert of.due() == set()
    hears(of, completed=1)
    assert of.due() == {("z", "action")}


@pytest.mark.parametrize("context", [{}, {"items": []}])
def test_it_may_begin_and_end_with_no_item(context: dict[str, Any]) -> None:
    of = Conversation(Saga("shop", [lines(), step("z")]), context)
    assert counts(of) == (0, 0)
    close(of)
    assert of.due() == {("z", "action")}
    assert of.state.context == {**context, "lines": []}


def test_without_a_list_it_grows_from_nothing() -> None:
    of = Conversation(Saga("shop", [lines(), step("z")]))
    assert add(of, "x") == (Start("lines", 0, 1),)
    close(of)
    hears(of, completed=1)
    assert of.state.context["items"] == ["x"]


def test_what_is_no_list_does_not_grow() -> None:
    of = Conversation(Saga("shop", [lines(), step("z")]), {"items": 7})
    failure = of.state.step("lines").failure
    assert failure is not None
    assert failure.error == "NotAList"


def test_no_more_are_at_work_than_may_be() -> None:
    of = shop("x", max_concurrency=2)
    assert add(of, "y") == (Start("lines", 1, 1),)
    assert add(of, "z") == ()
    hears(of, completed=1)
    assert counts(of) == (3, 3)


def test_l1_nobody_looks_while_only_a_signal_moves_it() -> None:
    of = shop("x")
    assert wake_at(of.state, of.now, 0) is not None
    assert not waits_for_signals(of.state)
    hears(of, completed=1)
    assert wake_at(of.state, of.now, 0) is None
    assert waits_for_signals(of.state)
    add(of, "y")
    assert wake_at(of.state, of.now, 0) is not None


def test_l1_one_that_gave_up_is_waited_for() -> None:
    of = shop("x", on_failure="continue")
    hears(of, gave_up=1)
    assert wake_at(of.state, of.now, 0) is not None
    hears(of, gave_up=-1, undone=1)
    assert wake_at(of.state, of.now, 0) is None
    close(of)
    assert of.due() == {("z", "action")}


# --- Signals (R13) --------------------------------------------------------------------------------


def test_r13_early_items_are_kept() -> None:
    of = Conversation(Saga("shop", [step("a"), lines(), step("z")]), {"items": ["x"]})
    add(of, "y")
    of.succeed("a")
    assert counts(of) == (2, 2)
    close(of)
    hears(of, completed=2)
    assert of.state.context["items"] == ["x", "y"]


def test_r13_it_may_be_closed_before_it_begins() -> None:
    of = Conversation(Saga("shop", [step("a"), lines(), step("z")]), {"items": ["x"]})
    add(of, "y")
    close(of)
    assert "takes no more items: the signal 'no_more' has come" in refusal(of, "z", name="add_line")
    of.succeed("a")
    hears(of, completed=2)
    assert of.due() == {("z", "action")}


def test_r13_each_key_adds_one_item() -> None:
    of = shop()
    assert add(of, "y", "evt-1") == (Start("lines", 0, 1),)
    assert send(of, "y", "evt-1", "add_line") is Verdict.REPEATED
    assert "'evt-1' came before, with another payload" in refusal(of, "z", "evt-1", "add_line")
    add(of, "y", "evt-2")
    add(of, "y")
    assert counts(of) == (3, 3)
    close(of)
    hears(of, completed=3)
    of.succeed("z")
    assert send(of, "y", "evt-1", "add_line") is Verdict.REPEATED


def test_r6_one_without_a_key_that_is_handed_in_again_adds_nothing() -> None:
    of = shop()
    fact = Signal("add_line", "x", "the shop", call="call-1")
    assert of.tell(fact).verdict is Verdict.ACCEPTED
    assert of.tell(fact).verdict is Verdict.REPEATED
    assert counts(of) == (1, 1)


def test_r13_to_close_it_again_changes_nothing() -> None:
    of = shop("x")
    assert close(of) is Verdict.ACCEPTED
    assert close(of) is Verdict.REPEATED
    assert close(of, "evt-9") is Verdict.REPEATED
    hears(of, completed=1)
    assert close(of) is Verdict.REPEATED
    of.succeed("z")
    assert close(of) is Verdict.REPEATED


def test_r13_after_it_is_closed_no_item_is_taken() -> None:
    of = shop("x")
    close(of)
    assert "takes no more items" in refusal(of, "y", name="add_line")
    hears(of, completed=1)
    assert refusal(of, "y", name="add_line") == "Step lines is succeeded: it takes no more items."
    of.succeed("z")
    assert "waits for nothing any more" in refusal(of, "y", name="add_line")


def test_r13_what_gives_up_takes_no_item() -> None:
    of = shop("x", "y")
    assert hears(of, gave_up=1) == [HALT]
    assert refusal(of, "z", name="add_line") == "Items of step lines gave up: it takes no more."
    hears(of, gave_up=1)
    assert "waits for nothing any more" in refusal(of, "z", name="add_line")


def test_signals_add_a_thousand_items_at_most(monkeypatch: Any) -> None:
    monkeypatch.setattr("sagas.machine.growing.MOST_ADDED", 2)
    of = shop("x")
    add(of, "y")
    add(of, "z")
    assert "have added 2 items to step lines" in refusal(of, "w", name="add_line")
    close(of)
    hears(of, completed=3)
    assert of.due() == {("z", "action")}


def test_an_unknown_signal_is_told_which_there_are() -> None:
    assert "Waits: add_line, no_more." in refusal(shop(), 1, name="lines")
