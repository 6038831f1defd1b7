"""The definitions that are walked: every order of up to three steps, with and without ways back.

A shape's name is its drawing: `a.[b/c]` is `a`, then `b` and `c` side by side; `{a|b}` is a choice
that takes the first of its ways, by what the start says or by what `a` wrote; `b_` has no
compensation; a capital is the pivot; `a?` only asks (`Poll`). Steps after the pivot can't have a
compensation, so theirs is not varied.

Two branches of one step each that differ in nothing but their names are drawn one way round
only: exchanging the names turns the runs of the one shape into the runs of the other. The machine
looks at names to find a step, and at the written order only to sort the events of one decision.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Final

from sagas.machine import Choice, Parallel, Pivot, Poll, Retry, Saga, SagaStep
from tests.machine.conversation import nothing
from tests.model.shape import Shape
from tests.properties.shapes import precedence

TWICE: Final = Retry(max_attempts=2, backoff=1, jitter=0)
ONCE: Final = Retry(max_attempts=1)
POLICIES: Final = {"": (TWICE, TWICE), ":1+2": (ONCE, TWICE), ":1+1": (ONCE, ONCE)}
"""What a name ends with, and how often actions + compensations are tried. With two attempts, two
faults are used up before a step gives up; with one, the second meets it on the way back. After the
pivot, steps have two at least."""

Build = Callable[..., list[Any]]


@dataclass(frozen=True)
class Arrangement:
    """An order of steps; `may_be_pivot` are those that may, `twins` branches alike."""

    drawing: str
    build: Build
    may_be_pivot: str = ""
    twins: str = ""
    left_out: str = ""
    """Steps on a way that is not taken."""

    @property
    def polls(self) -> str:
        return "".join(letter for letter, mark in pairwise(self.drawing) if mark == "?")


def _choice(on: str, taken: Any, left_out: Any = None) -> Choice:
    """`on` is `go`, which the context has from the start, or a step that writes it."""
    return Choice(f"on_{on}", on, {"done": taken}, left_out)


ARRANGEMENTS: Final = (
    Arrangement("a", lambda a: [a], "a"),
    Arrangement("a.b", lambda a, b: [a, b], "ab"),
    Arrangement("[a/b]", lambda a, b: [Parallel(a, b)], "", "ab"),
    Arrangement("a.b.c", lambda a, b, c: [a, b, c], "abc"),
    Arrangement("[a.b/c]", lambda a, b, c: [Parallel([a, b], c)]),
    Arrangement("a.[b/c]", lambda a, b, c: [a, Parallel(b, c)], "a", "bc"),
    Arrangement("[a/b].c", lambda a, b, c: [Parallel(a, b), c], "c", "ab"),
    Arrangement("[a/b/c]", lambda a, b, c: [Parallel(a, b, c)], "", "abc"),
    Arrangement("{a|b}", lambda a, b: [_choice("go", a, b)], "ab", "", "b"),
    Arrangement("{a|}", lambda a: [_choice("go", a)], "a"),
    Arrangement("{|a}.b", lambda a, b: [_choice("go", [], a), b], "ab", "", "a"),
    Arrangement("{a|b}.c", lambda a, b, c: [_choice("go", a, b), c], "abc", "", "b"),
    Arrangement("a.{b|c}", lambda a, b, c: [a, _choice("a", b, c)], "abc", "", "c"),
    Arrangement("{a.b|c}", lambda a, b, c: [_choice("go", [a, b], c)], "abc", "", "c"),
    Arrangement("[{a|b}/c]", lambda a, b, c: [Parallel(_choice("go", a, b), c)], "", "", "b"),
    Arrangement("{[a/b]|c}", lambda a, b, c: [_choice("go", Parallel(a, b), c)], "c", "ab", "c"),
    Arrangement(
        "{a.{b|c}|}", lambda a, b, c: [_choice("go", [a, _choice("a", b, c)])], "ab", "", "c"
    ),
    Arrangement("a?", lambda a: [a]),
    Arrangement("a.b?", lambda a, b: [a, b], "a"),
    Arrangement("a?.b", lambda a, b: [a, b], "b"),
    Arrangement("a.b?.c", lambda a, b, c: [a, b, c], "ac"),
    Arrangement("[a/b?]", lambda a, b: [Parallel(a, b)]),
    Arrangement("[a/b?].c", lambda a, b, c: [Parallel(a, b), c], "c"),
    Arrangement("[a?/b?]", lambda a, b: [Parallel(a, b)]),
    Arrangement("a?.{b|c}", lambda a, b, c: [a, _choice("a", b, c)], "b", "", "c"),
)
"""Every partial order of up to three steps: there are no others. Nested groups say the same ones in
more words. Then choices among them, wherever one can stand, and polls."""


def plain_shapes() -> Iterator[Shape]:
    """Every shape of steps, choices and polls, the small ones first."""
    for arrangement in ARRANGEMENTS:
        letters = [char for char in arrangement.drawing if char.isalpha()]
        for pivot in ["", *arrangement.may_be_pivot]:
            after = _after(letters, pivot)
            choices = [_ways_back(arrangement, letter, after) for letter in letters]
            for undone in product(*choices):
                undo = dict(zip(letters, undone, strict=True))
                if not _is_twin_of_another(arrangement, undo):
                    yield from (_shape(arrangement, undo, pivot, name) for name in POLICIES)


def _ways_back(arrangement: Arrangement, letter: str, after: list[str]) -> tuple[bool, ...]:
    """With a compensation, without one, or both; of what never runs it makes no difference."""
    if letter in after or letter in arrangement.polls:
        return (False,)
    return (True,) if letter in arrangement.left_out else (True, False)


def _kind(arrangement: Arrangement, letter: str, pivot: str) -> type[SagaStep]:
    if letter in arrangement.polls:
        return Poll
    return Pivot if letter == pivot else SagaStep


def _after(letters: list[str], pivot: str) -> list[str]:
    return letters[letters.index(pivot) + 1 :] if pivot else []


def _is_twin_of_another(arrangement: Arrangement, undo: dict[str, bool]) -> bool:
    return any(undo[first] < undo[second] for first, second in pairwise(arrangement.twins))


def _shape(arrangement: Arrangement, undo: dict[str, bool], pivot: str, policy: str) -> Shape:
    retry, compensation_retry = POLICIES[policy]
    after = _after(list(undo), pivot)
    name = arrangement.drawing
    for letter, is_undone in undo.items():
        drawn = letter.upper() if letter == pivot else letter
        is_bare = not is_undone and letter not in arrangement.polls
        name = name.replace(letter, f"{drawn}_" if is_bare else drawn)
    steps = [
        _kind(arrangement, letter, pivot)(
            letter,
            nothing,
            nothing if is_undone else None,
            retry=TWICE if letter in after else retry,
            compensation_retry=compensation_retry,
        )
        for letter, is_undone in undo.items()
    ]
    saga = Saga("modelled", arrangement.build(*steps))
    return Shape(
        name + policy, saga, frozenset(precedence(saga.body)), frozenset(arrangement.left_out)
    )
