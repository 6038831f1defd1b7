"""The walk itself: that it gets everywhere, and that it finds what is sown."""

from collections.abc import Iterable

import pytest

from sagas.machine import ExecutionStatus, StepStatus
from tests.model.__main__ import report
from tests.model.calls import Call
from tests.model.construct_mutants import CONSTRUCT_MUTANTS
from tests.model.constructs import all_shapes
from tests.model.moves import CHANCES, FAULTS, WORK
from tests.model.mutants import MUTANTS, Sow, s4_a_refusal_outweighs_a_possible_effect
from tests.model.rest import Graph
from tests.model.walk import Walk, walk
from tests.model.world import World

SHAPES = {shape.name: shape for shape in all_shapes()}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("a.b", 300),
        ("A.b_", 200),
        ("[a/b]", 1000),
        ("[a/b]:1+2", 1500),
        ("a.{b|c}", 300),
        ("a.b?", 200),
        ("a.(wait 60 s)", 600),
        ("[a/(collect)]", 1000),
        ("a.(wait and remind).b", 2000),
        ("(first in time).b", 400),
        ("a.(poll at most 60 s)", 800),
        ("(accept).B", 800),
        ("a.(saga or not)", 400),
        ("(items one by one).b", 1000),
        ("(one of the items at a time).b", 600),
        ("a.(items and more)", 1000),
        ("a.(rounds)", 1000),
    ],
)
def test_every_clause_holds_under_every_pair_of_faults(name: str, states: int) -> None:
    result = walk(SHAPES[name], faults=2)
    assert not result.clause, result.trace
    assert result.states > states


def test_every_move_happens_and_every_status_is_reached() -> None:
    happened, statuses = set[str](), set[str]()
    for name in (
        "[a/b]:1+2",
        "A.b_:1+1",
        "a.(wait and remind)",
        "(sleep).B",
        "(poll)",
        "(items)",
        "a.(items and more)",
    ):
        walked = Walk(SHAPES[name])
        walked.explore(faults=2)
        for world in walked.worlds:
            state = world.row.state
            statuses |= {state.status, *(step.status for step in state.steps.values())}
            happened |= {
                move.sentence
                for move in (*WORK, *CHANCES, *FAULTS)
                if any(True for _ in move.ways(walked.rows, world))
            }
    assert happened == {move.sentence for move in (*WORK, *CHANCES, *FAULTS)}
    assert statuses >= {*ExecutionStatus, *StepStatus}


@pytest.mark.parametrize(
    ("sow", "shape", "faults"),
    [pytest.param(*mutant, id=mutant[0].__name__) for mutant in (*MUTANTS, *CONSTRUCT_MUTANTS)],
)
def test_a_fault_in_the_machine_is_found(
    sow: Sow, shape: str, faults: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sow(monkeypatch)
    result = walk(SHAPES[shape], faults)
    clause = sow.__name__.split("_")[0].upper()
    assert result.clause.startswith(f"{clause}: "), f"{result.clause}\n{result.trace}"
    assert "the saga is started" in result.trace
    assert result.trace.count("FAULT") == faults, "the trace is the shortest"


def test_s4_participants_must_remember_what_they_undid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tombstones no engine is safe: the walk shows how a late request gets through."""

    def lands_on_the_forgetful(world: World, call: Call) -> World:
        happened = (world.accepted | call.bit) & ~call.undo_bit
        return world._replace(accepted=happened, strays=world.strays & ~call.bit)

    monkeypatch.setattr(World, "lands", lands_on_the_forgetful)
    result = walk(SHAPES["a:1+2"], faults=1)
    assert result.clause == "S4: compensated means that nothing stands"
    assert "the stray request for a lands" in result.trace


def test_a_violation_is_printed_and_ends_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = walk(SHAPES["a"], faults=1)
    s4_a_refusal_outweighs_a_possible_effect(monkeypatch)
    broken = walk(SHAPES["a"], faults=2)
    assert report([sound, broken, sound]) == 1
    printed = capsys.readouterr().out
    assert f"Violated in a: {broken.clause}" in printed
    assert printed.endswith(f"{broken.trace}\n"), "what comes after it is not walked"
    assert report([sound]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 shapes")


def test_l2_a_way_that_never_ends_is_found() -> None:
    assert not _graph([1, 2], [3], [3], []).cycle()
    assert _graph([1], [2, 4], [3], [2, 4], []).cycle() == [2, 3]
    assert _graph([0]).cycle() == [0]


def test_l2_a_broker_that_loses_every_hint_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    losing_a_hint = FAULTS[0]
    monkeypatch.setattr("tests.model.walk.WORK", (*WORK, losing_a_hint))
    result = walk(SHAPES["a"], faults=0)
    assert result.clause == "L2: once faults end, every way leads to rest"
    assert "VIOLATION and so on, for ever:\n1. FAULT: the hint for a is lost" in result.trace


def _graph(*targets: Iterable[int]) -> Graph:
    graph = Graph()
    for each in targets:
        graph.add_node(each)
    return graph
