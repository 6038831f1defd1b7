"""The walk over every world that a shape can reach within a budget of faults.

Breadth first in layers: all that can be reached without a fault, then with one, then with two. So
each world is met with the largest budget that it can be met with, which makes the budget no part of
it: what a smaller budget allows, a larger one allows too. And the way to it is a shortest one:
first by faults, then by moves.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from tests.model.moves import CHANCES, FAULTS, WORK, Move
from tests.model.rest import Graph
from tests.model.rows import Rows
from tests.model.shape import Shape
from tests.model.trace import told_from_the_start, told_moves
from tests.model.truth import broken_truth
from tests.model.violation import Violation
from tests.model.world import World

DEAD_END: Final = "L2: what is not at rest goes on, even if nothing happens by chance"
CYCLE: Final = "L2: once faults end, every way leads to rest"


@dataclass(frozen=True)
class Result:
    shape: str
    rows: int
    states: int
    transitions: int
    seconds: float
    clause: str
    """The clause that does not hold; empty if all do."""
    trace: str


def walk(shape: Shape, faults: int) -> Result:
    """Every world that `shape` reaches with at most `faults` faults; stops at a violation."""
    began = perf_counter()
    walked = Walk(shape)
    clause = trace = ""
    try:
        walked.explore(faults)
    except Violation as violation:
        clause, trace = violation.clause, walked.trace(violation)
    return Result(
        shape.name,
        len(walked.rows),
        len(walked.worlds),
        walked.transitions,
        perf_counter() - began,
        clause,
        trace,
    )


class Walk:
    def __init__(self, shape: Shape) -> None:
        self.rows = Rows(shape)
        self.worlds: list[World] = []
        self.transitions = 0
        self._numbers: dict[World, int] = {}
        self._came_from = array("l")
        self._faultless = Graph()
        self._here = -1
        self._going = "the saga is started"
        """Where the walk is, and what it tries there."""

    def explore(self, faults: int) -> None:
        """Raises `Violation` at the first clause that does not hold."""
        started = self.rows.started()
        self._meet(World(started.row).takes(started))
        layer = 0
        for left in range(faults, -1, -1):
            beyond = self._work_through(layer)
            if left:
                self._inject(layer, beyond)
            layer = beyond
        if cycle := self._faultless.cycle():
            self._here, self._going = cycle[0], "and so on, for ever:"
            round_trip = [self.worlds[number] for number in (*cycle, cycle[0])]
            raise Violation(CYCLE, told_moves(self.rows, round_trip))

    def _work_through(self, number: int) -> int:
        """Adds all that can be reached from world `number` on without a fault."""
        while number < len(self.worlds):
            self._here, world = number, self.worlds[number]
            ahead = [after for after in self._ways(WORK, world) if after != world]
            if not ahead and not world.row.is_at_rest:
                self._going = "nothing goes on"
                raise Violation(DEAD_END)
            ahead += self._ways(CHANCES, world)
            self._faultless.add_node([self._meet(after) for after in ahead])
            number += 1
        return number

    def _inject(self, first: int, beyond: int) -> None:
        for number in range(first, beyond):
            self._here, world = number, self.worlds[number]
            for after in self._ways(FAULTS, world):
                self._meet(after)

    def _ways(self, moves: Iterable[Move], world: World) -> Iterator[World]:
        for move in moves:
            for calls in move.ways(self.rows, world):
                self._going = move.told(calls)
                self.transitions += 1
                yield move.effect(self.rows, world, *calls)

    def _meet(self, world: World) -> int:
        """The number of a world, which is checked when it is met for the first time."""
        number = self._numbers.setdefault(world, len(self.worlds))
        if number == len(self.worlds):
            self.worlds.append(world)
            self._came_from.append(self._here)
            if broken := broken_truth(self.rows, world):
                self._here, self._going = number, "the row and its participants do not agree"
                raise Violation(broken)
        return number

    def trace(self, violation: Violation) -> str:
        """The way to where the violation was found, and what it says itself."""
        way, number = list[World](), self._here
        while number >= 0:
            way.append(self.worlds[number])
            number = self._came_from[number]
        told = told_from_the_start(self.rows, way[::-1])
        return "\n".join([*told, f"VIOLATION {self._going}", *violation.story])
