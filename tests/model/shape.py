"""A definition that is walked, and what the clauses ask of it, computed without the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sagas.machine import ExecutionState, FirstOf, ForEach, Saga, SagaStep, WaitFor
from sagas.machine.family_steps import Family, Step


@dataclass(frozen=True)
class Shape:
    name: str
    saga: Saga
    before: frozenset[tuple[str, str]]
    """Every pair (earlier step, later step)."""
    never_taken: frozenset[str] = frozenset()
    """The steps on ways that are not taken."""
    by_hand: frozenset[str] = frozenset()
    """The steps that a person may skip."""
    has_construct: bool = False
    """Whether a person also tries again what gave up, and clauses of constructs are held."""
    children_have_pivot: bool = False
    """One of their own, past which they can't be undone."""
    context: Mapping[str, Any] = field(default_factory=lambda: {"go": "done"})

    def step(self, name: str) -> Step:
        return self.saga.by_name[name]

    def claimed(self, name: str) -> SagaStep:
        step = self.saga.claimed_step(name)
        assert step is not None, f"workers run {name}"
        return step

    def has_way_back(self, name: str) -> bool:
        """Children are told to undo what they did."""
        step = self.step(name)
        return isinstance(step, Family) or getattr(step, "compensation", None) is not None

    @property
    def family(self) -> Family | None:
        """The step made of children; a shape has one at most."""
        families = [s for s in self.saga.by_name.values() if isinstance(s, Family)]
        return families[0] if families else None

    @property
    def growing(self) -> ForEach | None:
        """The family, if its list grows."""
        family = self.family
        return family if isinstance(family, ForEach) and family.grows_by else None

    def given_by_children(self, is_enough: bool) -> dict[str, Any]:
        """What a complete step adds to the context; of a round, whether it `is_enough`."""
        if isinstance(self.family, ForEach):
            return {self.family.name: ["done"]}
        return {"enough": True} if is_enough else {}

    @property
    def waits(self) -> list[WaitFor]:
        return [step for step in self.saga.by_name.values() if isinstance(step, WaitFor)]

    @property
    def races(self) -> list[FirstOf]:
        return [each for each in self.saga.choices.values() if isinstance(each, FirstOf)]

    def left_out(self, state: ExecutionState) -> set[str]:
        """The steps that never run, as far as that is decided."""
        lost = set(self.never_taken)
        for race in self.races:
            if first := state.options.choices.get(race.name):
                lost |= race.ways.keys() - {first}
        return lost

    def taken(self, state: ExecutionState) -> list[str]:
        """All other steps."""
        left_out = self.left_out(state)
        return [name for name in self.saga.by_name if name not in left_out]

    def earlier_than(self, step: str, state: ExecutionState) -> list[str]:
        """What has to be done before `step` begins."""
        left_out = self.left_out(state)
        return [first for first, then in self.before if then == step and first not in left_out]

    def later_than(self, step: str) -> list[str]:
        return [later for earlier, later in self.before if earlier == step]
