"""Whether a graph comes to an end, whichever way one takes through it."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Graph:
    """Nodes 0, 1, 2 … and where one goes from each; flat, because there are millions of edges."""

    targets: "array[int]" = field(default_factory=lambda: array("L"))
    ends: "array[int]" = field(default_factory=lambda: array("L", [0]))
    """Node n's targets end at `ends[n + 1]`, where those of the next node begin."""

    def add_node(self, targets: Iterable[int]) -> None:
        self.targets.extend(targets)
        self.ends.append(len(self.targets))

    def targets_of(self, node: int) -> "array[int]":
        return self.targets[self.ends[node] : self.ends[node + 1]]

    def cycle(self) -> list[int]:
        """Nodes that lead back to the first of them; empty if there are none such."""
        left = self._after_sorting()
        if not left:
            return []
        while blind := {node for node in left if left.isdisjoint(self.targets_of(node))}:
            left -= blind
        node, way = min(left), list[int]()
        while node not in way:
            way.append(node)
            node = next(target for target in self.targets_of(node) if target in left)
        return way[way.index(node) :]

    def _after_sorting(self) -> set[int]:
        """What a topological sort can't get at: the nodes of cycles, and all behind them."""
        size = len(self.ends) - 1
        incoming = array("L", bytes(size * self.ends.itemsize))
        for target in self.targets:
            incoming[target] += 1
        free = [node for node in range(size) if not incoming[node]]
        sorted_nodes = bytearray(size)
        while free:
            node = free.pop()
            sorted_nodes[node] = True
            for target in self.targets_of(node):
                incoming[target] -= 1
                if not incoming[target]:
                    free.append(target)
        return {node for node in range(size) if not sorted_nodes[node]}
