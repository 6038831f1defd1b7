"""What may happen to the children of a step."""

from typing import Final

from sagas.machine import ForEach, Repeat
from tests.model import children
from tests.model.children import Number
from tests.model.move import Move, Ways
from tests.model.rows import Rows
from tests.model.world import World


def _goes_on(rows: Rows, world: World) -> Ways:
    for index, child in enumerate(world.children):
        if children.acted(child, well=True) != child:
            yield (Number(index),)


def _may_fail(rows: Rows, world: World) -> Ways:
    for index, child in enumerate(world.children):
        after = children.acted(child, well=False)
        if after not in (child, children.acted(child, well=True)):
            yield (Number(index),)


def _needs_help(rows: Rows, world: World) -> Ways:
    for index, child in enumerate(world.children):
        if children.thawed(child).needs_a_person:
            yield (Number(index),)


def _with_news(rows: Rows, world: World) -> Ways:
    if not children.have_news(world.children):
        return
    yield ("",)
    if isinstance(rows.shape.family, Repeat):
        yield (", which is enough",)


def _just_born(rows: Rows, world: World) -> Ways:
    count = children.unborn(world.children)
    family = rows.shape.family
    started_at_once = min(family.window, 2) if isinstance(family, ForEach) else 1
    if count and count in (1, started_at_once):
        yield (count,)


def go_on(rows: Rows, world: World, child: Number) -> World:
    return world.with_child(child.n, children.acted(world.children[child.n], well=True))


def fail(rows: Rows, world: World, child: Number) -> World:
    return world.with_child(child.n, children.acted(world.children[child.n], well=False))


def be_helped(rows: Rows, world: World, child: Number) -> World:
    return world.with_child(child.n, children.helped(world.children[child.n]))


def hear(rows: Rows, world: World, enough: str) -> World:
    after, change = children.heard(world.children)
    heard = world._replace(children=after)
    return heard.takes(rows.heard(world.row, change, is_enough=bool(enough)))


def be_refused(rows: Rows, world: World, count: int) -> World:
    without = world._replace(children=world.children[:-count])
    return without.takes(rows.refused(world.row, count))


WORK: Final = (
    Move("{call} goes on", _goes_on, go_on),
    Move("a person sees to {call}", _needs_help, be_helped),
    Move("the saga hears of its children{call}", _with_news, hear),
)

FAULTS: Final = (
    Move("FAULT: what runs in {call} gives up", _may_fail, fail),
    Move("FAULT: {call} of the children can't be started", _just_born, be_refused),
)
