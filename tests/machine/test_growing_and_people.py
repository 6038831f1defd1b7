"""Lists that grow: the way back, what people do to them, and other definitions."""

import pytest

from sagas.machine import (
    Amend,
    ChildrenMoved,
    Choice,
    ForEach,
    Outcome,
    Parallel,
    ParentCommand,
    Pause,
    Resume,
    Saga,
    Signal,
    Skip,
    Start,
    TryAgain,
    Verdict,
    Woken,
    wake_at,
)
from sagas.testing import Conversation
from sagas.whatif import way_back
from sagas.whatif.compatibility import at_steps
from tests.machine.collecting import check, refusal
from tests.machine.conversation import BY_ANNA, step
from tests.machine.growing import HALT, RESULTS, UNDO, add, close, hears, lines, shop
from tests.machine.stored import met_by

# --- The way back, and people ---------------------------------------------------------------------


def test_s4_what_was_added_is_undone_like_the_others() -> None:
    of = shop("x")
    add(of, "y")
    hears(of, completed=2)
    assert way_back(of.saga, of.state, of.now).stages == (("lines",), ("a",))
    assert list(of.cancel().child_commands) == [HALT, UNDO]
    hears(of, completed=-2, undone=2)
    assert of.due() == {("a", "compensation")}


def test_s4_without_an_item_there_is_nothing_to_undo() -> None:
    of = shop()
    of.cancel()
    assert of.due() == {("a", "compensation")}


def test_s6_an_item_that_gives_up_turns_it_back_open_or_not() -> None:
    of = shop("x")
    hears(of, gave_up=1)
    assert of.status == "compensating"


def test_a_pause_starts_no_item_and_takes_signals() -> None:
    of = shop("x")
    of.tell(Pause(**BY_ANNA))
    assert add(of, "y") == ()
    assert of.tell(Resume(**BY_ANNA)).starts == (Start("lines", 1, 1),)


def test_closed_while_paused_it_goes_on_after_that() -> None:
    of = shop("x")
    hears(of, completed=1)
    of.tell(Pause(**BY_ANNA))
    close(of)
    assert of.due() == set()
    of.tell(Resume(**BY_ANNA))
    assert of.due() == {("z", "action")}


@pytest.mark.parametrize("before", [(), ("x",)])
def test_the_number_of_its_items_may_not_be_amended(before: tuple[str, ...]) -> None:
    of = shop(*before)
    of.tell(Pause(**BY_ANNA))
    add(of, "y")
    found = of.tell(Amend(changes={"items": ["x", "y", "z"]}, **BY_ANNA))
    assert found.verdict is Verdict.REFUSED
    assert "has started children for items of that list" in found.reason


def test_skipped_it_leaves_the_list_whole() -> None:
    of = Conversation(Saga("shop", [step("a"), lines(), step("z")]), {"items": ["x"]})
    add(of, "y")
    of.tell(Skip(step="lines", **BY_ANNA))
    check(of)
    assert of.state.context["items"] == ["x", "y"]
    assert of.state.options.collected == {}
    assert "Step lines is skipped" in refusal(of, None, name="no_more")


def test_tried_again_it_goes_on_with_what_was_added() -> None:
    of = Conversation(Saga("shop", [step("p", pivot=True), lines(), step("z", undo=False)]))
    of.succeed("p")
    add(of, "x")
    hears(of, stuck=1)
    assert of.status == "failed"
    assert refusal(of, "y", name="add_line") == "Step lines is failed: it takes no more items."
    assert close(of) is Verdict.ACCEPTED
    again = of.tell(TryAgain(**BY_ANNA))
    assert [each.command for each in again.child_commands] == [ParentCommand.REPORT]
    hears(of, completed=1)
    assert of.due() == {("z", "action")}
    assert of.state.context["items"] == ["x"]


def test_a_choice_that_took_another_way_takes_no_item() -> None:
    of = Conversation(Saga("shop", [Choice("c", "x", {1: lines()}), step("z")]))
    assert "A choice has taken another way" in refusal(of, 1, name="add_line")


def test_s10_side_by_side_with_others_over_its_list_it_conflicts() -> None:
    other = ForEach("others", over="items", saga="line")
    of = Conversation(Saga("shop", [Parallel(lines(), other)]), {"items": ["x"]})
    of.tell(Signal("add_line", "y", "the shop", call="1"))
    of.tell(Signal("no_more", None, "the shop"))
    of.tell(ChildrenMoved("lines", {Outcome.COMPLETED: 2}, RESULTS))
    failure = of.state.step("lines").failure
    assert failure is not None
    assert failure.error == "ContextConflict"


def test_a_deadline_ends_it_though_nobody_closes_it() -> None:
    of = Conversation(Saga("shop", [lines(), step("z")], deadline=10), {"items": ["x"]})
    hears(of, completed=1)
    assert wake_at(of.state, of.now, 0) is not None
    of.pass_time(10)
    of.tell(Woken())
    assert of.status == "compensating"


# --- Other definitions ----------------------------------------------------------------------------


def test_s12_a_list_that_grew_does_not_fit_one_that_does_not() -> None:
    fixed = ForEach("lines", over="items", saga="line")
    of = shop("x")
    add(of, "y")
    other = Saga("shop", [step("a"), fixed, step("z")])
    [found] = at_steps(other, of.state, "")
    assert "whose list does not grow" in found.message
    of = shop("x")
    [met] = met_by(other, of)
    assert "it does not complete" in met.message


def test_s12_what_grows_can_go_on() -> None:
    of = shop("x")
    add(of, "y")
    hears(of, completed=1)
    assert met_by(of.saga, of) == []
