"""Repeats as they are written, and what would become of them."""

import pickle
from typing import Any

import pytest

from sagas import (
    Between,
    Choice,
    DefinitionError,
    Present,
    Repeat,
    Saga,
    SubSaga,
    WaitFor,
)
from sagas.machine import (
    ChildrenMoved,
    Outcome,
    decide,
    event_from_json,
    event_to_json,
)
from sagas.whatif.preview import way_back
from sagas.whatif.rehearsal import goes_back, goes_forward
from tests.machine.conversation import step, talk
from tests.machine.rounds import collect, hears, repeated
from tests.machine.stored import met_by


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: collect(most=0), "Use a number from 1 to 1,000"),
        (lambda: collect(most=1001), "Use a number from 1 to 1,000"),
        (lambda: collect(most=True), "most is True"),
        (lambda: collect(on_most="stop"), "on_most is 'stop'"),
        (lambda: collect(until=None), "Name a key of the context"),
        (lambda: collect(until={}), "Name a key of the context"),
        (lambda: collect(until="a..b"), "Name a key of the context, or a path"),
        (lambda: collect(until={1: True}), "Name a key of the context, or a path"),
        (lambda: collect(until={"a": [1]}), "a case is"),
        (lambda: talk(Repeat("r", [], until="x", most=1)), "A list of steps is empty"),
        (lambda: talk(Repeat("r", step("a"), until="x", most=1)), "Write a list of steps"),  # type: ignore[arg-type]
        (lambda: talk(collect(step("p", pivot=True))), "'p' is a pivot, but a later round may"),
        (lambda: talk(collect(step("b"), step("b"))), "2 steps are named 'b'"),
        (lambda: talk(collect(SubSaga("order"))), "would never end"),
        (lambda: talk(step("p", pivot=True), collect()), 'Use on_most="continue"'),
        (
            lambda: talk(step("p", pivot=True), collect(on_most="continue")),
            "'card' comes after the pivot.*drop the compensation",
        ),
    ],
)
def test_what_can_not_work_is_refused(write: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        write()


def test_repeats_can_be_in_each_other_but_not_without_end() -> None:
    inner = collect()
    for _ in range(22):
        inner = Repeat("deep", [inner], until="x", most=2)
    assert Saga("order", [inner]).digest
    for _ in range(3):
        inner = Repeat("deep", [inner], until="x", most=2)
    with pytest.raises(DefinitionError, match=r"order\.deep.* is too long: use shorter names"):
        Saga("order", [inner])


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (collect(most=7), True),
        (collect(on_most="continue"), True),
        (collect(until="done"), False),
        (collect(until={"paid": True}), False),
        (collect(step("other")), False),
        (collect(step("card", undo=False)), False),
    ],
)
def test_s12_the_structure_is_what_is_repeated_and_until_when(other: Repeat, is_same: bool) -> None:
    digests = {Saga("order", [each]).digest for each in (collect(), other)}
    assert (len(digests) == 1) is is_same


def test_a_round_is_a_definition_of_its_own() -> None:
    saga = Saga("order", [collect(Choice("c", "x", {1: [WaitFor("w")]}), step("b"))], version=4)
    [rounds] = pickle.loads(pickle.dumps(saga)).item_sagas
    assert (rounds.saga_type, rounds.version) == ("order.collect", 4)
    assert list(rounds.by_name) == ["w", "b"]


def test_an_event_without_rounds_has_no_further_key() -> None:
    saga = repeated()
    hears(saga, {"n": 1}, completed=1)
    written = [event_to_json(each) for each in saga.history if each.type == "step.children"]
    assert ["adds" in each for each in written] == [False, False, True, False]
    assert event_from_json("step.children", written[2]).adds == {"n": 1}  # type: ignore[union-attr]


# --- What would be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "until", ["paid", {"a.b": "x"}, {"a.b": Between(below=3), "c": Present(), "d": None}]
)
@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_a_rehearsal_comes_to_its_end(until: Any, rounds: int) -> None:
    saga = repeated(until=until)
    for _ in range(rounds):
        hears(saga, completed=1)
    assert goes_forward(saga.saga, saga.state, saga.now) == ""
    assert goes_back(saga.saga, saga.state, saga.now) == ""


def test_a_preview_of_a_cancel() -> None:
    saga = repeated()
    hears(saga, completed=1)
    found = way_back(saga.saga, saga.state, saga.now)
    assert (found.settling, found.stages) == (("collect",), (("collect",), ("a",)))


def test_the_machine_decides_the_same_again() -> None:
    saga = repeated()
    fact = ChildrenMoved("collect", {Outcome.COMPLETED: 1}, {"n": 1})
    twice = [decide(saga.saga, saga.state, fact, saga.now) for _ in range(2)]
    assert twice[0] == twice[1]


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        (collect(), []),
        (collect(most=7, on_most="continue"), []),
        (collect(step("other")), ["definition-changed"]),
        (collect(until={"done": Between(below=0)}), ["definition-changed"]),
        (step("collect"), ["step-changed"]),
        (step("other"), ["step-removed"]),
    ],
)
def test_s12_what_another_definition_would_meet(
    other: Any, kinds: list[str], is_turned: bool
) -> None:
    saga = repeated()
    hears(saga, {"n": 1}, completed=1)
    if is_turned:
        saga.cancel()
    found = met_by(Saga("order", [step("a"), other, step("z")]), saga)
    assert [problem.kind.value for problem in found][:1] == kinds
