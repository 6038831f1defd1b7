"""What may happen to the children of a step."""

from typing import Final

from sagas.machine import ForEach, Repeat, StepStatus
from sagas.machine.outcomes import completes
from sagas.machine.states import GOING_FORWARD
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


def _may_be_added(rows: Rows, world: World) -> Ways:
    """One item, and none once the list is closed."""
    if (step := rows.shape.growing) and _is_open(world, step) and not _came(world, step.grows_by):
        yield (step.grows_by,)


def _may_be_closed_early(rows: Rows, world: World) -> Ways:
    step = rows.shape.growing
    if step and _is_open(world, step) and _status(world, step) is StepStatus.PENDING:
        yield (step.closes_by,)


def _is_to_be_closed(rows: Rows, world: World) -> Ways:
    """Once faults end, somebody says that no more items come."""
    step = rows.shape.growing
    if step and _is_open(world, step) and _status(world, step) is StepStatus.WAITING:
        yield (step.closes_by,)


def _is_open(world: World, step: ForEach) -> bool:
    is_ahead = _status(world, step) in (StepStatus.PENDING, StepStatus.WAITING)
    may_come = is_ahead and world.row.state.status in GOING_FORWARD
    return may_come and not _came(world, step.closes_by)


def _status(world: World, step: ForEach) -> StepStatus:
    return world.row.state.step(step.name).status


def _came(world: World, signal: str) -> bool:
    return bool(world.row.past.keys_of(signal))


def _closed_at_its_end(rows: Rows, world: World) -> Ways:
    """The engine reads it in the same transaction: that others act in between shows no less."""
    step, state = rows.shape.growing, world.row.state
    is_closed = step is not None and _came(world, step.closes_by)
    if step and is_closed and completes(rows.shape.saga, state, step.name, {}):
        yield ()


def send(rows: Rows, world: World, name: str) -> World:
    return world.takes(rows.sent(world.row, name))


def read(rows: Rows, world: World) -> World:
    return world.takes(rows.heard(world.row, {}, is_enough=False))


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
    Move("no more items come: {call}", _is_to_be_closed, send),
    Move("what the items of a closed list gave is read", _closed_at_its_end, read),
)

CHANCES: Final = (
    Move("an item comes: {call}", _may_be_added, send),
    Move("no more items come, before the first: {call}", _may_be_closed_early, send),
)

FAULTS: Final = (
    Move("FAULT: what runs in {call} gives up", _may_fail, fail),
    Move("FAULT: {call} of the children can't be started", _just_born, be_refused),
)
