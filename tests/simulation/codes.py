"""Old and new code side by side: some definitions have other steps in it under the same version
(S12, R26)."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from sagas.listeners import Committed
from sagas.registry import Registry, registry
from tests.simulation.definitions import PARTS, Act, Design, random_design
from tests.simulation.faults import Faults
from tests.simulation.stage import Actor, Stage

CHANCE_OF_CHANGE: Final = 0.25
"""Of a definition."""

OLD, NEW = 0, 1


class Codes:
    """Which code each actor runs, and what each execution was started with."""

    def __init__(self, stage: Stage, faults: Faults, designs: Mapping[str, Design], act: Act):
        self._stage = stage
        self._faults = faults
        self._designs = (designs, _changed(stage.rng, designs, act))
        self._known = [_registry(each) for each in self._designs]
        self._by_digest = {
            (name, design.saga.digest): design
            for each in self._designs
            for name, design in each.items()
        }
        self._began: dict[str, Design] = {}
        self._ids: dict[int, str] = {}

    def enter(self, actor: Actor) -> None:
        """What `actor` does from now on is done by its code."""
        registry._sagas.clear()
        registry._sagas.update(self._known[actor.code]._sagas)

    def some(self) -> int:
        """A code for whoever begins to act."""
        return self._stage.rng.choice((OLD, NEW))

    def for_execution(self, execution_id: int) -> int:
        """Any code while faults go on, and then the one that the execution was started by: nobody
        else would ever end it."""
        return self.for_saga(self._ids.get(execution_id, ""))

    def for_saga(self, saga_id: str) -> int:
        """The same."""
        if self._faults.active:
            return self.some()
        return OLD if self.fits(saga_id, OLD) else NEW

    def fits(self, saga_id: str, code: int) -> bool:
        """Whether that code has the structure by which the saga was started."""
        began = self._began.get(saga_id)
        if began is None:
            return True
        name = began.saga.saga_type
        return self._designs[code][name].saga.digest == began.saga.digest

    def began(self, saga_id: str) -> Design | None:
        """By which design the saga was started, if it was."""
        return self._began.get(saga_id)

    def design(self, saga_type: str, digest: str) -> Design:
        return self._by_digest[saga_type, digest]

    def hear(self, told: Sequence[Committed]) -> None:
        """Whoever decides about an execution has the structure that it was started with (S12)."""
        for each in told:
            design = self._by_digest.get((each.definition.saga_type, each.definition.digest))
            if design is None:
                continue  # a part, which is the same in each code
            self._ids[each.execution_id] = each.saga_id
            began = self._began.setdefault(each.saga_id, design)
            is_same = began.saga.digest == design.saga.digest
            self._stage.require(is_same, "S12: decided by another structure", each.saga_id)


def _registry(designs: Mapping[str, Design]) -> Registry:
    known = Registry()
    for saga in (*PARTS, *(design.saga for design in designs.values())):
        known.add(saga)
    return known


def _changed(rng: Random, designs: Mapping[str, Design], act: Act) -> dict[str, Design]:
    """The designs of the new code. None differs by its policies alone: who goes on with what the
    other code began does so by its own, and the checks know one design for each structure."""
    changed = {}
    for name, design in designs.items():
        other = random_design(rng, name, act) if rng.random() < CHANCE_OF_CHANGE else design
        changed[name] = design if other.saga.digest == design.saga.digest else other
    return changed
