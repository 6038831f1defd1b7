"""Choices: which way is taken, and that all others stay as if they had not been written."""

from typing import Any

import pytest

from sagas import Between, Choice, Present, WaitFor
from sagas.machine import (
    Amend,
    Parallel,
    Pause,
    Resume,
    Signal,
    Skip,
    Succeeded,
    Verdict,
    fold,
)
from sagas.testing import Conversation
from sagas.whatif import way_back
from tests.machine.conversation import ACTION, BY_ANNA, step, talk

APPROVAL = Choice("route", "outcome", {"approved": [step("a")], "denied": step("d")}, step("o"))


def taken(saga: Conversation) -> dict[str, str]:
    """Choice → the way that was taken."""
    assert fold(saga.history) == saga.state, "S8"
    return dict(saga.state.options.choices)


@pytest.mark.parametrize(
    ("outcome", "due"), [("approved", "a"), ("denied", "d"), ("none", "o"), (None, "o"), (1, "o")]
)
def test_s3_the_case_that_fits_is_taken_and_no_other(outcome: object, due: str) -> None:
    saga = talk(APPROVAL, step("z"), outcome=outcome)
    assert saga.due() == {(due, "action")}
    saga.succeed(due)
    saga.succeed("z")
    assert saga.status == "completed"
    assert set(saga.statuses()) == {due, "z"}, "S4: of the others there is no trace"
    assert saga.types().count("saga.chose") == 1


@pytest.mark.parametrize(
    ("case", "value", "fits"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1.0, 1, True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (0, False, False),
        (None, None, True),
        ("1", 1, False),
        ("ü\u2028", "ü\u2028", True),
        ("null", None, False),
        ("otherwise", "else", False),
        (Present(), 0, True),
        (Present(), None, False),
        (Present(), [], True),
        (Between(1, 3), 1, True),
        (Between(1, 3), 2.5, True),
        (Between(1, 3), 3, False),
        (Between(at_least=5), 1e9, True),
        (Between(below=5), -1, True),
        (Between(0, 2), True, False),
        (Between(0, 2), "1", False),
    ],
)
def test_values_are_compared_as_json(case: Any, value: object, fits: bool) -> None:
    saga = talk(Choice("c", "key", {case: [step("a")]}, otherwise=[step("b")]), key=value)
    assert saga.due() == {("a" if fits else "b", "action")}


@pytest.mark.parametrize(
    "context", [{}, {"deep": 1}, {"deep": {}}, {"deep": {"er": []}}, {"deep.er": 1}]
)
def test_a_path_that_leads_nowhere_fits_nothing(context: dict[str, object]) -> None:
    cases: dict[Any, Any] = {Present(): step("a"), None: step("b")}
    saga = talk(Choice("c", "deep.er.x", cases), step("z"), **context)
    assert saga.due() == {("z", "action")}
    assert taken(saga) == {"c": ""}


def test_a_path_leads_into_what_a_step_returned() -> None:
    way = Choice("c", "decision.outcome", {"approved": [step("b")]})
    saga = talk(step("a"), way)
    saga.succeed("a", decision={"outcome": "approved"})
    assert saga.due() == {("b", "action")}


def test_the_first_case_that_fits_is_taken() -> None:
    way = Choice("c", "n", [(Between(0, 10), step("a")), (5, step("b")), (Present(), step("d"))])
    assert talk(way, n=5).due() == {("a", "action")}
    assert talk(way, n=50).due() == {("d", "action")}


def test_a_saga_in_which_nothing_is_taken_completes() -> None:
    saga = talk(Choice("c", "n", {1: step("a")}))
    assert saga.status == "completed"
    assert saga.types() == ["saga.started", "saga.running", "saga.chose", "saga.completed"]


def test_an_empty_way_does_nothing() -> None:
    saga = talk(Choice("c", "n", {1: []}, otherwise=step("a")), step("z"), n=1)
    assert saga.due() == {("z", "action")}
    assert taken(saga) == {"c": "1"}


def test_choices_within_choices_and_parallel_branches() -> None:
    inner = Choice("inner", "y", {1: Parallel(step("a"), step("b"))}, step("c"))
    outer = Choice("outer", "x", {1: [inner, step("d")]})
    saga = talk(Parallel(outer, step("e")), step("z"), x=1, y=1)
    assert saga.due() == {("a", "action"), ("b", "action"), ("e", "action")}
    for name in "aebd":
        saga.succeed(name)
    assert saga.due() == {("z", "action")}
    assert taken(saga) == {"outer": "1", "inner": "1"}


def test_s6_the_way_back_is_that_of_the_way_taken() -> None:
    saga = talk(step("a"), Choice("c", "x", {1: [step("b"), step("d")]}, step("o")), step("z"), x=1)
    for name in "abd":
        saga.succeed(name)
    assert way_back(saga.saga, saga.state, saga.now).stages == (("d",), ("b",), ("a",))
    saga.fail("z")
    for name in "dba":
        assert saga.due() == {(name, "compensation")}
        saga.succeed(name)
    assert saga.status == "compensated"
    assert "o" not in saga.statuses()


def test_s4_a_cancel_before_the_choice_leaves_it_unmade() -> None:
    saga = talk(step("b"), APPROVAL, outcome="approved")
    saga.cancel()
    assert taken(saga) == {}
    assert saga.status == "compensated"


def test_it_is_made_when_it_is_reached_and_not_again() -> None:
    saga = talk(step("a"), Choice("c", "x", {1: [step("b"), step("d")]}, step("o")), x=1)
    saga.succeed("a")
    saga.succeed("b", x=2)
    assert saga.due() == {("d", "action")}


def test_what_a_person_amends_before_it_counts() -> None:
    saga = talk(step("b"), APPROVAL, outcome="denied")
    saga.tell(Pause(**BY_ANNA))
    saga.tell(Amend(changes={"outcome": "approved"}, **BY_ANNA))
    saga.tell(Resume(**BY_ANNA))
    saga.succeed("b")
    assert saga.due() == {("a", "action")}


def test_nothing_is_chosen_while_it_is_paused() -> None:
    saga = talk(step("b"), APPROVAL, outcome="denied")
    fence = saga.claim("b")
    saga.tell(Pause(**BY_ANNA))
    saga.tell(Succeeded("b", ACTION, fence, {}))
    assert taken(saga) == {}
    saga.tell(Amend(changes={"outcome": "approved"}, **BY_ANNA))
    saga.tell(Resume(**BY_ANNA))
    assert taken(saga) == {"route": '"approved"'}


def test_what_a_person_says_by_a_skip_counts() -> None:
    saga = talk(step("b"), APPROVAL, outcome="denied")
    saga.tell(Skip(step="b", changes={"outcome": "approved"}, **BY_ANNA))
    assert saga.due() == {("a", "action")}


def test_a_step_that_was_skipped_before_its_choice_is_not_run() -> None:
    saga = talk(step("b"), APPROVAL, step("z"), outcome="approved")
    saga.tell(Skip(step="a", **BY_ANNA))
    saga.succeed("b")
    assert saga.due() == {("z", "action")}


def test_a_step_on_another_way_can_not_be_skipped() -> None:
    saga = talk(APPROVAL, outcome="approved")
    decision = saga.tell(Skip(step="d", **BY_ANNA))
    assert decision.verdict is Verdict.REFUSED
    assert decision.reason == "A choice has taken another way: step d will not run."


def test_r13_a_signal_for_a_wait_on_another_way_is_refused() -> None:
    way = Choice("c", "x", {1: [WaitFor("paid")]}, [WaitFor("form"), step("b")])
    saga = talk(step("a"), way, x=2)
    assert saga.tell(Signal("form", {}, "a person")).verdict is Verdict.ACCEPTED, "it may be taken"
    saga.succeed("a")
    assert "another way" in saga.tell(Signal("paid", {}, "the bank")).reason
    assert saga.due() == {("b", "action")}


# --- Steps with a condition -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "runs"),
    [
        *((each, True) for each in (True, 1, "no", [0])),
        *((each, False) for each in (False, 0, "", [], {}, None)),  # type: ignore[var-annotated]
    ],
)
def test_a_step_with_when_runs_if_its_key_is_true(value: object, runs: bool) -> None:
    saga = talk(step("a", when="gift.wrapped"), step("z"), gift={"wrapped": value})
    assert saga.due() == {("a" if runs else "z", "action")}


def test_s4_a_step_that_did_not_run_is_not_undone() -> None:
    saga = talk(step("a"), step("b", when="gift"), step("z"))
    saga.succeed("a")
    saga.fail("z")
    assert saga.due() == {("a", "compensation")}


def test_a_person_may_skip_a_step_with_when() -> None:
    saga = talk(step("a", when="gift"), step("z"), gift=True)
    saga.tell(Skip(step="a", **BY_ANNA))
    assert saga.due() == {("z", "action")}
    saga = talk(step("y"), step("a", when="gift"), step("z"), gift=True)
    saga.tell(Skip(step="a", **BY_ANNA))
    saga.succeed("y")
    assert saga.due() == {("z", "action")}
