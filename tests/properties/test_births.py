"""L4: whatever children come to at their birth, over random families of real definitions.

Here the engine decides by its own `births.prepare`, on definitions as users write them, up to four
levels deep. The other property tests know of children only what they are told.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from sagas.engine.births import prepare
from sagas.engine.newborn import ChildStart
from sagas.machine import (
    TERMINAL,
    Claim,
    Decision,
    ForEach,
    InvalidInput,
    Parallel,
    Pivot,
    Repeat,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    Succeeded,
    WaitFor,
    decide,
    fold,
    outcome,
    start,
)
from sagas.machine.events import SagaStarted
from sagas.machine.family_steps import tolerates
from sagas.machine.states import GOING_FORWARD
from sagas.registry import registry
from sagas.testing.conversation import START
from tests.machine.conversation import ACTION, nothing
from tests.properties.profiles import EVERY_CLAUSE
from tests.properties.shapes import Drawn

MOST_LEVELS: Final = 4
CONTEXT: Final = {"none": [], "one": [1], "two": [1, 2], "no_list": 1}

_LEAVES = ["none", "none", "none", "missing", "no_list", "one", "step", "wait", "sleep"]
_LEAVES += ["rounds", "rounds", "rounds of a step"]
_ENDS: Final[tuple[Literal["fail", "continue"], ...]] = ("fail", "continue")
_VALIDATIONS = st.sampled_from(["none"] * 8 + ["refuses", "raises"])
_TOLERANCES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"on_failure": "continue"}, {"enough": 1}]
)
Family = list[tuple[Saga, Decision, list[ChildStart]]]


def refuses(context: Any) -> None:
    raise InvalidInput({"none": "is empty"})


def raises(context: Any) -> None:
    context["missing"]


def _leaf(draw: st.DrawFn, kind: str, name: str) -> Any:
    match kind:
        case "step":
            return SagaStep(name, nothing, nothing)
        case "wait":
            return WaitFor(name)
        case "sleep":
            return Sleep(name, 10)
        case "rounds" | "rounds of a step":
            inner = _leaf(draw, "none" if kind == "rounds" else "step", "r")
            until = draw(st.sampled_from(["one", "none"]))  # is a list of one, or empty
            return Repeat(name, [inner], until=until, most=3, on_most=draw(st.sampled_from(_ENDS)))
        case over:
            return ForEach(name, over=over, action=nothing, compensation=nothing)


def _part(draw: st.DrawFn, name: str, saga_type: str) -> SubSaga | ForEach:
    """A saga as a step, or for each of two items."""
    if draw(st.sampled_from([True, True, False])):
        return SubSaga(name, saga_type)
    window, tolerance = draw(st.sampled_from([None, 1])), draw(_TOLERANCES)
    return ForEach(
        name,
        over="two",
        saga=saga_type,
        given=list(CONTEXT),
        max_concurrency=window,
        **tolerance,
    )


@st.composite
def definitions(draw: st.DrawFn) -> list[Saga]:
    """A saga, and after it those that it is made of; the last has no parts."""
    levels = draw(st.integers(2, MOST_LEVELS))
    found: list[Saga] = []
    for level in range(levels):
        kinds = draw(st.lists(st.sampled_from(_LEAVES), max_size=3))
        nodes = [_leaf(draw, kind, f"s{index}") for index, kind in enumerate(kinds)]
        if level < levels - 1:
            for index in range(draw(st.integers(1, 2))):
                part = draw(st.integers(level + 1, levels - 1))
                at = draw(st.integers(0, len(nodes)))
                nodes.insert(at, _part(draw, f"part{index}", f"level{part}"))
        nodes = nodes or [_leaf(draw, "none", "s0")]
        if len(nodes) > 1 and draw(st.booleans()):
            nodes = [Parallel(*nodes)]
        checks = {"refuses": refuses, "raises": raises}
        validate = checks.get(draw(_VALIDATIONS)) if level else None
        found.append(Drawn(f"level{level}", nodes, validate=validate))
    return found


@given(definitions(), st.sampled_from(["at once", "later", "after the pivot"]))
@settings(EVERY_CLAUSE)
def test_l4_a_family_is_settled_at_its_birth(sagas: list[Saga], when: str) -> None:
    known = dict(registry._sagas)
    registry._sagas.clear()
    try:
        for saga in sagas:
            registry.add(saga)
        family = list(_members(*_born(sagas[0], when)))
    finally:
        registry._sagas.clear()
        registry._sagas.update(known)
    for _, decision, born in family:
        l4_a_parent_has_heard_of_all(decision, born)
        r9_nothing_goes_on_below_what_has_turned_back(decision, born)
        if isinstance(decision.events[0].event, SagaStarted):
            assert fold(recorded.event for recorded in decision.events) == decision.state, "S8"
    if when != "after the pivot":
        l4_who_waits_for_nothing_is_at_an_end(family)


def l4_a_parent_has_heard_of_all(decision: Decision, born: list[ChildStart]) -> None:
    for name, step in decision.state.steps.items():
        if step.children is not None:
            children = [child.begun for child in born if child.step == name]
            came_to = Counter(outcome(child.definition, child.state) for child in children)
            del came_to[None]
            assert step.children.outcomes == came_to, name
            assert step.children.started == len(children), name


def r9_nothing_goes_on_below_what_has_turned_back(
    decision: Decision, born: list[ChildStart]
) -> None:
    if decision.state.status not in GOING_FORWARD:
        for child in born:
            state = child.begun.state
            assert state.options.forward_only or state.status not in GOING_FORWARD


def l4_who_waits_for_nothing_is_at_an_end(family: Family) -> None:
    """A worker, a signal or a time: what is left in motion is one of these."""
    is_in_motion = any(
        step.direction is not None and step.children is None
        for _, decision, _ in family
        for step in decision.state.steps.values()
    )
    statuses = {decision.state.status for _, decision, _ in family}
    steps = [step for saga, _, _ in family for step in saga.by_name.values()]
    is_one_end = len(statuses) == 1 or any(map(tolerates, steps))
    assert is_in_motion or (statuses <= TERMINAL and is_one_end), statuses


def _born(saga: Saga, when: str) -> tuple[Saga, Decision, list[ChildStart]]:
    """The first saga, with all that is born when it is started, or in a later transition."""
    if when == "at once":
        first = start(saga, SagaStarted("s", saga.saga_type, 1, CONTEXT), START)
        return saga, *prepare(saga, first, None, START)
    step = SagaStep("first", nothing, nothing, retry=Retry(max_attempts=1))
    before = step if when == "later" else Pivot("first", nothing)
    saga = Saga("above", [before, SubSaga(saga.saga_type)])
    decision = start(saga, SagaStarted("s", "above", 1, CONTEXT), START)
    for fact in (Claim("first", ACTION, 0, "w"), Succeeded("first", ACTION, 1, {})):
        decision = decide(saga, decision.state, fact, START)
    return saga, *prepare(saga, decision, 1, START)


def _members(saga: Saga, decision: Decision, born: list[ChildStart]) -> Iterator[Any]:
    yield saga, decision, born
    for child in born:
        yield from _members(child.begun.definition, child.begun.decision, child.begun.born)
