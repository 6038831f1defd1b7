"""Choices in definitions: pivots, what is refused, and what other definitions make of them."""

from typing import Any

import pytest

from sagas import Between, Choice, DefinitionError
from sagas.machine import (
    Adopt,
    Cancel,
    Parallel,
    Saga,
    SagaStep,
    Sleep,
    Verdict,
)
from sagas.testing.conversation import START
from sagas.whatif.adoption import adopt, adoption
from sagas.whatif.compatibility import Kind, at_steps
from tests.machine.conversation import BY_ANNA, nothing, step, talk
from tests.machine.test_choices import APPROVAL

# --- Pivots ---------------------------------------------------------------------------------------


def test_s7_a_pivot_counts_on_the_way_on_which_it_stands() -> None:
    way = Choice("c", "x", {1: [step("p", pivot=True)]}, step("b"))
    late = SagaStep("z", nothing)
    saga = talk(step("a"), way, late, x=1)
    saga.succeed("a")
    saga.succeed("p")
    assert saga.saga.after_pivot == {"z"}
    assert "past its pivot" in saga.tell(Cancel(**BY_ANNA)).reason
    saga = talk(step("a"), way, late, x=2)
    saga.succeed("a")
    saga.succeed("b")
    saga.cancel()
    assert saga.due() == {("b", "compensation")}


def test_each_way_may_have_a_pivot_of_its_own() -> None:
    way = Choice("c", "x", {1: [step("p", pivot=True)], 2: [step("q", pivot=True)]})
    saga = talk(way, SagaStep("z", nothing), x=2)
    saga.succeed("q")
    saga.give_up("z", RuntimeError("it is down"))
    assert saga.status == "failed", "S7: there is no way back"


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([Choice("c", "x", {1: step("p", pivot=True)}), step("z")], "comes after the pivot"),
        ([Choice("c", "x", {1: [step("p", pivot=True), step("z")]})], "comes after the pivot"),
        (
            [Choice("c", "x", {1: step("p", pivot=True)}), step("q", undo=False, pivot=True)],
            "p, q are all pivots",
        ),
        ([Parallel(Choice("c", "x", {1: step("p", pivot=True)}), step("b"))], "inside a Parallel"),
        ([Choice("a", "x", {1: step("a")})], "2 steps are named 'a'"),
        ([Choice("c", "x", {1: step("a")}), Choice("c", "x", {1: step("b")})], "named 'c'"),
    ],
)
def test_a_saga_that_can_not_work_is_refused(steps: list[Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        Saga("order", steps)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: Choice("C", "x", {1: step("a")}), "lower-case letters"),
        (lambda: Choice("c", "", {1: step("a")}), "Choice 'c': on is ''. Name a key"),
        (lambda: Choice("c", "a..b", {1: step("a")}), "Name a key of the context"),
        (lambda: Choice("c", 5, {1: step("a")}), "on is 5"),  # type: ignore[arg-type]
        (lambda: Choice("c", "x", {}), "cases is {}. Use a mapping"),
        (lambda: Choice("c", "x", "ab"), "Use a mapping"),  # type: ignore[arg-type]
        (lambda: Choice("c", "x", [1]), "Use a mapping"),  # type: ignore[list-item]
        (lambda: Choice("c", "x", {1: "a"}), "'a' is not a step"),
        (lambda: Choice("c", "x", {(1, 2): step("a")}), "a case is"),
        (lambda: Choice("c", "x", {float("nan"): step("a")}), "a case is nan"),
        (lambda: Choice("c", "x", {"\0": step("a")}), "a case is"),
        (lambda: Choice("c", "x", {1e300: step("a")}), "a case is"),
        (lambda: Choice("c", "x", {"x" * 200: step("a")}), "100 characters at most"),
        (lambda: Choice("c", "x", {2**5000: step("a")}), "a case is"),
        (lambda: Choice("c", "x", [(1, step("a")), (1.0, step("b"))]), "2 cases are the same"),
        (lambda: Between(), "Give at_least"),
        (lambda: Between(3, 1), "Give at_least"),
        (lambda: Between(1, 1), "Give at_least"),
        (lambda: Between(True, 3), "Give at_least"),
        (lambda: Between("a"), "Give at_least"),  # type: ignore[arg-type]
        (lambda: step("a", when=""), "Step 'a': when is ''"),
        (lambda: step("a", when=True), "Step 'a': when is True"),
    ],
)
def test_a_choice_that_can_not_work_is_refused(write: Any, says: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        write()
    assert says in str(caught.value)


# --- Other definitions ----------------------------------------------------------------------------


def test_s12_the_digest_knows_the_choice() -> None:
    def digest(**options: Any) -> str:
        cases = options.pop("cases", {1: step("a")})
        return Saga("order", [Choice("c", options.pop("on", "x"), cases, **options)]).digest

    others = [
        digest(on="y"),
        digest(cases={2: step("a")}),
        digest(cases={1: step("b")}),
        digest(cases={1: step("a", undo=False)}),
        digest(otherwise=step("z")),
        Saga("order", [step("a")]).digest,
        Saga("order", [step("a", when="x")]).digest,
    ]
    assert len({digest(), *others}) == len(others) + 1
    assert digest() == digest(cases={1.0: step("a")})


def test_s12_what_a_new_definition_says_of_a_choice_that_was_made() -> None:
    saga = talk(APPROVAL, step("z"), outcome="approved")
    saga.succeed("a")

    def kinds(*steps: Any) -> list[str]:
        definition = Saga("order", list(steps), version=2)
        return [found.kind for found in at_steps(definition, saga.state, "other")]

    assert kinds(APPROVAL, step("z")) == []
    renamed = Choice("route", "outcome", {"yes": [step("a")]}, step("o"))
    assert kinds(renamed, step("z")) == [Kind.STEP_CHANGED]
    longer = Choice("route", "outcome", {"approved": [step("a"), step("a2")], "denied": step("d")})
    assert kinds(longer, step("z")) == [Kind.STEP_INSERTED], "z was reached without a2"
    later = Choice("new", "outcome", {"denied": [step("n")]})
    assert kinds(APPROVAL, later, step("z")) == [Kind.STEP_INSERTED]
    wrapped = Choice("new", "outcome", {"denied": [APPROVAL]})
    assert kinds(wrapped, step("z")) == [Kind.STEP_INSERTED]
    more = Choice("route", "outcome", {"approved": [step("a")], "held": [Sleep("s", 5)]}, step("o"))
    assert kinds(more, step("z")) == [], "the ways that were not taken may change"


def test_s12_an_execution_is_moved_before_a_choice() -> None:
    saga = talk(step("b"), APPROVAL, outcome="approved")
    new = Saga(
        "order", [step("b"), Choice("route", "outcome", {"approved": step("a2")})], version=2
    )
    found = adoption(new, saga.state, saga.saga.digest, saga.saga, (), START)
    assert found.refused == ()
    moved = adopt(new, saga.state, Adopt(version=2, **BY_ANNA), START)
    assert moved.verdict is Verdict.ACCEPTED
