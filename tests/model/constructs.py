"""The constructs, each at every place that a saga of up to three steps has for it.

A shape's name is its drawing as in `shapes`, with the construct in round brackets: `a.(sleep)` is a
step, then a sleep. Actions and compensations are tried once (`:1+1`), so that a fault each makes
them give up; polls and steps that accept a refusal, twice.

Where states explode, less is walked: a wait that collects ends by its second signal, a race has two
members, a fan-out two items (of one that grows, a signal adds the second), a `Repeat` two rounds,
no construct is inside another but a choice, and what compensates is not varied. What is a matter of
comparing values (`until` of a wait, `form`, moments without an offset) is held by the machine's
tests and the properties alone, and so are signals that a `Repeat` keeps for its rounds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sagas.machine import (
    Choice,
    FirstOf,
    ForEach,
    Parallel,
    Pivot,
    Poll,
    Rejected,
    Remind,
    Repeat,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)
from tests.machine.conversation import nothing
from tests.model.facts import NOW
from tests.model.shape import Shape
from tests.model.shapes import ONCE, TWICE, plain_shapes
from tests.properties.shapes import precedence

LONG_AGO: Final = (NOW - timedelta(days=1)).isoformat()
"""A moment that has passed."""


@dataclass(frozen=True)
class Construct:
    name: str
    build: Callable[[], Any]
    may_be_skipped: str = ""
    """Its steps, each a letter, that a person may skip."""
    never_taken: str = ""
    goes_forward: bool = True
    """Whether it may stand after the pivot."""
    children_have_pivot: bool = False


def _claimed(kind: type[SagaStep], name: str, undo: bool = True, **options: Any) -> SagaStep:
    policy = {"retry": ONCE, "compensation_retry": ONCE} | options
    return kind(name, nothing, nothing if undo else None, **policy)


def _accepting(undo: bool) -> SagaStep:
    return _claimed(SagaStep, "x", undo, retry=TWICE, accept=(Rejected,))


def _items(**options: Any) -> ForEach:
    return ForEach("x", over="items", action=nothing, **options)


def _growing(**options: Any) -> ForEach:
    options |= {"grows_by": "more", "closes_by": "end"}
    return ForEach("x", over="one", action=nothing, **options)


def _rounds(on_most: Any) -> Repeat:
    return Repeat("x", [SagaStep("r", nothing)], until="enough", most=2, on_most=on_most)


def _letters(most: int) -> Remind:
    return Remind("letter", every=60, most=most)


def _poll(on_timeout: str) -> Poll:
    return Poll("p", nothing, every=1, timeout=60, on_timeout=on_timeout, retry=TWICE)  # type: ignore[arg-type]


CONSTRUCTS: Final = (
    Construct("wait", lambda: WaitFor("w"), "w"),
    Construct("wait 60 s", lambda: WaitFor("w", timeout=60), "w", goes_forward=False),
    Construct("wait at most 60 s", lambda: WaitFor("w", timeout=60, on_timeout="continue"), "w"),
    Construct(
        "collect",
        lambda: WaitFor("w", collect=True, most=2, timeout=60, on_timeout="continue"),
        "w",
    ),
    Construct("wait and remind", lambda: WaitFor("w", remind=_letters(most=2)), "w"),
    Construct(
        "wait and remind, at most 60 s",
        lambda: WaitFor("w", timeout=60, on_timeout="continue", remind=_letters(most=1)),
        "w",
    ),
    Construct(
        "first of two, remind",
        lambda: FirstOf("first", WaitFor("v", remind=_letters(most=1)), WaitFor("w", timeout=60)),
        "v",
        goes_forward=False,
    ),
    Construct("sleep", lambda: Sleep("z", 60), "z"),
    Construct("sleep until a moment", lambda: Sleep("z", until="moment"), "z"),
    Construct("no moment", lambda: Sleep("z", until="go"), "z", goes_forward=False),
    Construct("first of two", lambda: FirstOf("first", WaitFor("v"), WaitFor("w")), "vw"),
    Construct("first in time", lambda: FirstOf("first", WaitFor("w"), Sleep("z", 60)), "wz"),
    Construct(
        "first of many",
        lambda: FirstOf("first", WaitFor("w", collect=True, most=2), WaitFor("v", timeout=60)),
        "w",
        goes_forward=False,
    ),
    Construct("poll", lambda: _poll(on_timeout="fail"), "p", goes_forward=False),
    Construct("poll at most 60 s", lambda: _poll(on_timeout="continue"), "p"),
    Construct("accept", lambda: _accepting(undo=True), goes_forward=False),
    Construct("accept_", lambda: _accepting(undo=False)),
    Construct("when", lambda: _claimed(SagaStep, "x", when="go"), goes_forward=False),
    Construct("when not", lambda: _claimed(SagaStep, "x", False, when="no", retry=TWICE), "", "x"),
    Construct("saga", lambda: SubSaga("x"), "x"),
    Construct("saga past a pivot", lambda: SubSaga("x"), "x", children_have_pivot=True),
    Construct("saga or not", lambda: SubSaga("x", on_failure="continue"), "x"),
    Construct(
        "saga past a pivot or not",
        lambda: SubSaga("x", on_failure="continue"),
        "x",
        children_have_pivot=True,
    ),
    Construct("items", _items, "x"),
    Construct("items one by one", lambda: _items(max_concurrency=1), "x"),
    Construct("items or not", lambda: _items(on_failure="continue"), "x"),
    Construct("one of the items", lambda: _items(enough=1), "x", goes_forward=False),
    Construct(
        "one of the items at a time",
        lambda: _items(enough=1, max_concurrency=1),
        "x",
        goes_forward=False,
    ),
    Construct("items and more", _growing, "x"),
    Construct("items and more or not", lambda: _growing(on_failure="continue"), "x"),
    Construct("rounds", lambda: _rounds(on_most="fail"), "x", goes_forward=False),
    Construct("rounds at most", lambda: _rounds(on_most="continue"), "x"),
)

PLACES: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "({})": lambda found: [found],
    "({}).b": lambda found: [found, _claimed(SagaStep, "b")],
    "a.({})": lambda found: [_claimed(SagaStep, "a"), found],
    "a.({}).b": lambda found: [_claimed(SagaStep, "a"), found, _claimed(SagaStep, "b")],
    "[a/({})]": lambda found: [Parallel(_claimed(SagaStep, "a"), found)],
    "{{({})|b}}.c": lambda found: [
        Choice("on_go", "go", {"done": found}, _claimed(SagaStep, "b")),
        _claimed(SagaStep, "c"),
    ],
    "({}).B": lambda found: [found, _claimed(Pivot, "b")],
    "A.({})": lambda found: [_claimed(Pivot, "a"), found],
}
"""Drawing → the saga's steps."""


def construct_shapes() -> Iterator[Shape]:
    for construct in CONSTRUCTS:
        for drawing, place in PLACES.items():
            if construct.goes_forward or drawing != "A.({})":
                yield _shape(construct, drawing, place)


def all_shapes() -> Iterator[Shape]:
    """Every shape that is walked."""
    yield from plain_shapes()
    yield from construct_shapes()


def _shape(construct: Construct, drawing: str, place: Callable[[Any], list[Any]]) -> Shape:
    saga = Saga("modelled", place(construct.build()))
    return Shape(
        drawing.format(construct.name),
        saga,
        frozenset(precedence(saga.body)),
        frozenset(construct.never_taken) | frozenset("b" if "|" in drawing else ""),
        frozenset(construct.may_be_skipped),
        has_construct=True,
        children_have_pivot=construct.children_have_pivot,
        context={"go": "done", "items": [1, 2], "one": [1], "moment": LONG_AGO},
    )
