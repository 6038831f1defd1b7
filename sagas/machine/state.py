"""Where an execution stands: the values that `decide` reads and `evolve` makes anew."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sagas.machine.failures import Failure
from sagas.machine.states import (
    AT_REST,
    IN_FLIGHT,
    SCHEDULED,
    Direction,
    Effect,
    ExecutionStatus,
    StepStatus,
)


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of one execution. A step that was never scheduled is `StepState()`."""

    status: StepStatus = StepStatus.PENDING
    effect: Effect = Effect.NONE
    fence: int = 0
    """Grows by one with every claim, of either direction; only its holder may report (S1)."""
    attempts: int = 0
    compensation_attempts: int = 0
    due_at: datetime | None = None
    """When a scheduled step may be claimed."""
    lease_until: datetime | None = None
    """How long a claim is believed."""
    holder: str = ""
    """Who claimed it: an id made for that one claim, so that a claimant who lost the connection at
    COMMIT can tell its own claim from another's (R6)."""
    reported: int = 0
    """The fence of the newest committed report: tells a repeated report from a late one."""
    wrote: tuple[str, ...] = ()
    """The keys of the context that it changed; no concurrent branch may change them (S10)."""
    failure: Failure | None = None
    """Of the newest failed attempt."""

    def __post_init__(self) -> None:
        if (self.status in SCHEDULED.values()) != (self.due_at is not None):
            raise ValueError(f"A {self.status} step with due_at {self.due_at}.")
        if (self.status in IN_FLIGHT.values()) != (self.lease_until is not None):
            raise ValueError(f"A {self.status} step with lease_until {self.lease_until}.")

    @property
    def direction(self) -> Direction | None:
        """The direction that is scheduled or in flight, if one is."""
        if self.status in (StepStatus.SCHEDULED, StepStatus.RUNNING):
            return Direction.ACTION
        if self.status in (StepStatus.COMPENSATION_SCHEDULED, StepStatus.COMPENSATING):
            return Direction.COMPENSATION
        return None

    def attempts_of(self, direction: Direction) -> int:
        """How often `direction` was claimed."""
        return self.attempts if direction is Direction.ACTION else self.compensation_attempts

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the row, without what is as in `StepState()`."""
        data: dict[str, Any] = {"status": self.status.value}
        if self.effect is not Effect.NONE:
            data["effect"] = self.effect.value
        for name in ("fence", "attempts", "compensation_attempts", "holder", "reported"):
            if value := getattr(self, name):
                data[name] = value
        for name in ("due_at", "lease_until"):
            if moment := getattr(self, name):
                data[name] = moment.isoformat()
        if self.wrote:
            data["wrote"] = list(self.wrote)
        if self.failure is not None:
            data["failure"] = self.failure.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StepState":
        """The state that `to_json` gave `data` for."""
        return cls(
            status=StepStatus(data["status"]),
            effect=Effect(data.get("effect", Effect.NONE)),
            fence=data.get("fence", 0),
            attempts=data.get("attempts", 0),
            compensation_attempts=data.get("compensation_attempts", 0),
            due_at=_moment(data.get("due_at")),
            lease_until=_moment(data.get("lease_until")),
            holder=data.get("holder", ""),
            reported=data.get("reported", 0),
            wrote=tuple(data.get("wrote", ())),
            failure=Failure.from_json(data["failure"]) if "failure" in data else None,
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


UNTOUCHED = StepState()


@dataclass(frozen=True, slots=True)
class ExecutionState:
    """One run of a definition. `steps` has an entry for each step that was ever scheduled."""

    saga_id: str
    saga_type: str
    version: int
    status: ExecutionStatus = ExecutionStatus.PENDING
    paused: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, StepState] = field(default_factory=dict)
    last_seq: int = 0
    """The number of its newest event."""

    def step(self, name: str) -> StepState:
        return self.steps.get(name, UNTOUCHED)

    def in_flight(self, direction: Direction) -> Iterator[str]:
        """The steps that somebody holds a claim on, in that direction."""
        return (name for name, step in self.steps.items() if step.status is IN_FLIGHT[direction])

    def scheduled(self, direction: Direction) -> Iterator[str]:
        """The steps that wait for a claim, in that direction."""
        return (name for name, step in self.steps.items() if step.status is SCHEDULED[direction])

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing happens any more unless a person acts."""
        return self.status in AT_REST

    @property
    def current_steps(self) -> list[str]:
        """The steps that are scheduled or in flight."""
        return [name for name, step in self.steps.items() if step.direction is not None]
