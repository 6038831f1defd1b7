"""A way through the worlds, written for a reader."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sagas.machine import Direction
from tests.model.children import Frozen, thawed
from tests.model.moves import CHANCES, FAULTS, WORK
from tests.model.rows import Rows
from tests.model.telling import told_row
from tests.model.world import World


def told_from_the_start(rows: Rows, way: Sequence[World]) -> Iterator[str]:
    """Numbered lines: each move, the events that the machine decided on, the world after it."""
    if way:
        yield "1. the saga is started"
        yield from _told_events(rows.started().events)
        yield from _told_world(rows, way[0])
    yield from told_moves(rows, way, first=2)


def told_moves(rows: Rows, way: Sequence[World], first: int = 1) -> Iterator[str]:
    for number, (before, after) in enumerate(pairwise(way), start=first):
        yield f"{number}. {_move_between(rows, before, after)}"
        if after.row is not before.row:
            taken = next(each for each in before.row.taken.values() if each.row is after.row)
            yield from _told_events(taken.events)
        yield from _told_world(rows, after)


def _move_between(rows: Rows, before: World, after: World) -> str:
    for move in (*WORK, *CHANCES, *FAULTS):
        for calls in move.ways(rows, before):
            if move.effect(rows, before, *calls) == after:
                return move.told(calls)
    raise AssertionError("no move leads from the one world to the other")


def _told_events(events: Sequence[str]) -> Iterator[str]:
    return (f"     event {event}" for event in events)


def _told_world(rows: Rows, world: World) -> Iterator[str]:
    yield f"     {told_row(world.row.state)}"
    around = {
        "participants": ", ".join(_told_books(rows, world)) or "untouched",
        "stray requests": _named(rows, world.strays),
        "lost workers": _named(rows, world.orphans),
        "hints": _named(rows, world.queue),
        "children": ", ".join(map(_told_child, world.children)),
    }
    yield "     " + "; ".join(f"{name}: {what}" for name, what in around.items() if what)


def _told_books(rows: Rows, world: World) -> Iterator[str]:
    for name in (step.name for step in rows.shape.saga.claimed_steps):
        action = rows.calls[name, Direction.ACTION]
        if world.accepted & action.bit:
            yield f"{name} undone" if world.accepted & action.undo_bit else f"{name} done"
        elif world.refused & action.bit:
            yield f"{name} refused"
        elif world.accepted & action.undo_bit:
            yield f"{name} barred by its compensation"


def _told_child(values: Frozen) -> str:
    child = thawed(values)
    commands = "".join(f", told to {command}" for command in child.commands)
    return f"{child.at.name.lower()}{commands}"


def _named(rows: Rows, bits: int) -> str:
    return ", ".join(str(call) for call in rows.calls.values() if bits & call.bit)
