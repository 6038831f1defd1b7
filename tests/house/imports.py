"""What the imports between modules say: floors, cycles, and imports from below.

It is run as a file, as `running.py` is.
"""

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

import grimp

UPPER: Final = "Upper layers may import lower ones, and siblings may not meet"
"""The contract in pyproject.toml that has the layers."""


@dataclass(frozen=True)
class Imports:
    """`floors`: the modules of the machine on the longest chain of imports, the package itself
    among them; `cycles` and `upward`: of all modules, each in words."""

    files: int
    floors: int
    cycles: list[str]
    upward: list[str]


def imports(root: Path) -> Imports:
    """Of the checkout whose root is first in `sys.path`."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]
    graph = grimp.build_graph(*settings["root_packages"], cache_dir=None)
    machine = _graph_of(graph, "sagas.machine")
    return Imports(
        files=len(machine),
        floors=_floors(machine),
        cycles=[" → ".join(cycle) for cycle in _circles(_graph_of(graph, ""))],
        upward=sorted(_upward(graph, settings["contracts"])),
    )


def _graph_of(graph: Any, package: str) -> dict[str, set[str]]:
    """Module → what it imports, within the package; all modules for an empty name."""
    below = f"{package}." if package else ""
    modules = {module for module in graph.modules if f"{module}.".startswith(below)}
    return {
        module: set(graph.find_modules_directly_imported_by(module)) & modules for module in modules
    }


def _floors(graph: Mapping[str, set[str]]) -> int:
    """How many modules the longest chain has. Raises CycleError if there is a cycle."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    floors = 0
    while sorter.is_active():
        floors += 1
        sorter.done(*sorter.get_ready())
    return floors


def _circles(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """Circles until none is left, each cut open where it was found."""
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1]
            yield cycle
            # Each stands before the one that imports it.
            graph[cycle[1]].discard(cycle[0])
        else:
            return


def _upward(graph: Any, contracts: list[Mapping[str, Any]]) -> Iterator[str]:
    [contract] = [each for each in contracts if each["name"] == UPPER]
    layers = []
    for layer in contract["layers"]:
        names = [name.strip(" ()") for name in layer.split("|")]
        layers.append(grimp.Layer(*(name for name in names if name in graph.modules)))
    for found in graph.find_illegal_dependencies_for_layers(layers=layers):
        yield f"{found.importer} → {found.imported}"


if __name__ == "__main__":
    print(json.dumps(asdict(imports(Path(sys.argv[1])))))
