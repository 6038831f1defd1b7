"""Children as a small second world: what each does, and how its parent hears of it.

They are those of the properties (`tests.properties.children`), which do in memory what the engine
and the store do with rows: what a parent says waits in a child until it acts, what a child has come
to waits there until the parent takes it. Here each is kept as a tuple, since worlds are hashed.

A child that can't be started is taken away before it has done anything. The engine does so in the
transaction that starts it; that others act in between shows no less. Children that end at birth are
those that act at once.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sagas.machine import ChildCommand, Outcome
from tests.properties.children import At, Child, take_news

Frozen = tuple[Any, ...]

AT: Final = 2
"""Where in a frozen child it says how far it is."""


class Number(NamedTuple):
    """Which child a move is about."""

    n: int

    def __str__(self) -> str:
        return f"child {self.n}"


def newborn(forward_only: bool, has_pivot: bool) -> Frozen:
    return frozen(Child(forward_only, has_pivot))


def frozen(child: Child) -> Frozen:
    return (
        child.forward_only,
        child.has_pivot,
        child.at,
        child.is_past_pivot,
        child.is_released,
        child.paused,
        tuple(child.commands),
        child.outcome,
        child.taken,
    )


def thawed(values: Frozen) -> Child:
    forward_only, has_pivot, at, is_past_pivot, is_released, paused, *news = values
    commands, outcome, taken = news
    child = Child(forward_only, has_pivot, at, is_past_pivot, is_released, paused)
    child.commands, child.outcome, child.taken = [*commands], outcome, taken
    return child


def acted(values: Frozen, *, well: bool) -> Frozen:
    child = thawed(values)
    child.act(well=well)
    return frozen(child)


def helped(values: Frozen) -> Frozen:
    child = thawed(values)
    child.be_helped()
    return frozen(child)


def told(children: Sequence[Frozen], commands: Iterable[ChildCommand]) -> tuple[Frozen, ...]:
    """`children` once their parent has left `commands` in their rows."""
    awake = [thawed(values) for values in children]
    for command in commands:
        for number, child in enumerate(awake):
            if command.number in (None, number):
                child.leave(command.command)
    return tuple(map(frozen, awake))


def heard(children: Sequence[Frozen]) -> tuple[tuple[Frozen, ...], dict[Outcome, int]]:
    """`children` once their parent has taken what they came to; and how many more of each."""
    awake = [thawed(values) for values in children]
    change = {outcome: number for outcome, number in take_news(awake).items() if number}
    return tuple(map(frozen, awake)), change


def have_news(children: Sequence[Frozen]) -> bool:
    return any(thawed(values).has_news for values in children)


def unborn(children: Sequence[Frozen]) -> int:
    """How many of the newest have done and been told nothing yet."""
    count = 0
    for forward_only, has_pivot, *rest in reversed(children):
        if (forward_only, has_pivot, *rest) != newborn(forward_only, has_pivot):
            break
        count += 1
    return count


def standing(children: Sequence[Frozen]) -> list[At]:
    return [values[AT] for values in children]
