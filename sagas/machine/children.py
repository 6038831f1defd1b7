"""How far the child executions of a step are: what `decide` knows of them."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from sagas.machine.states import Outcome, statically_frozen


@statically_frozen(frozen=True, slots=True)
class Children:
    """How far the child executions of one step are, as far as they have told."""

    total: int
    """Of a `Repeat`, the rounds that were to be so far."""
    started: int
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    refused: str = ""
    """Why no more are started, if some could not be."""
    open: bool = False
    """Whether a signal may still add to `total`."""

    def count(self, *outcomes: Outcome) -> int:
        """How many have come to one of `outcomes`."""
        return sum(self.outcomes.get(outcome, 0) for outcome in outcomes)

    @property
    def have_settled(self) -> bool:
        """Whether all that were started have come to something."""
        return self.count(*Outcome) == self.started

    @property
    def are_done_so_far(self) -> bool:
        """Whether more may come, and all that are there need nothing more."""
        done = self.count(Outcome.COMPLETED, Outcome.FINAL, Outcome.UNDONE)
        return self.open and done == self.total

    def changed(self, change: Mapping[Outcome, int]) -> "Children":
        """With so many more (or fewer) of each outcome."""
        counts = {outcome: self.count(outcome) + change.get(outcome, 0) for outcome in Outcome}
        return replace(self, outcomes={key: number for key, number in counts.items() if number})

    def to_json(self) -> dict[str, Any]:
        counts = {outcome.value: number for outcome, number in self.outcomes.items()}
        refused = {"refused": self.refused} if self.refused else {}
        is_open = {"open": True} if self.open else {}
        return {"total": self.total, "started": self.started, **counts, **refused, **is_open}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Children":
        counts = {outcome: data[outcome] for outcome in Outcome if outcome in data}
        more = data.get("refused", ""), data.get("open", False)
        return cls(data["total"], data["started"], counts, *more)
