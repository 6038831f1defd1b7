"""What is known of a saga from its events: a pure fold, for the terminal to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

# The statuses in which nothing more happens by itself; `failed` waits for a person.
ENDED = frozenset({"completed", "compensated", "failed"})


class Mark(Enum):
    """How a step is shown: a sign, its style in the terminal, and the word for it."""

    PENDING = ("·", "dim", "pending")
    SCHEDULED = ("○", "blue", "scheduled")
    RUNNING = ("●", "yellow", "running")
    RETRYING = ("◐", "bold yellow", "retrying")
    SUCCEEDED = ("✔", "green", "succeeded")
    FAILED = ("✘", "red", "failed")
    COMPENSATING = ("◀", "magenta", "compensating")
    COMPENSATED = ("↺", "cyan", "compensated")
    COMPENSATION_FAILED = ("!", "bold white on red", "compensation failed")

    @property
    def sign(self) -> str:
        """One character."""
        return self.value[0]

    @property
    def style(self) -> str:
        """A style of rich."""
        return self.value[1]

    @property
    def word(self) -> str:
        """What the sign means."""
        return self.value[2]


MARK_OF_EVENT: Mapping[tuple[str, str], Mark] = MappingProxyType(
    {
        ("step.scheduled", "action"): Mark.SCHEDULED,
        ("step.claimed", "action"): Mark.RUNNING,
        ("step.retrying", "action"): Mark.RETRYING,
        ("step.succeeded", "action"): Mark.SUCCEEDED,
        ("step.failed", "action"): Mark.FAILED,
        ("step.withdrawn", "action"): Mark.PENDING,
        ("step.scheduled", "compensation"): Mark.COMPENSATING,
        ("step.claimed", "compensation"): Mark.COMPENSATING,
        ("step.retrying", "compensation"): Mark.COMPENSATING,
        ("step.succeeded", "compensation"): Mark.COMPENSATED,
        ("step.failed", "compensation"): Mark.COMPENSATION_FAILED,
    }
)


@dataclass(frozen=True)
class StepProgress:
    """One step: its mark, and how often each direction was tried."""

    mark: Mark = Mark.PENDING
    attempts: int = 0
    compensation_attempts: int = 0


@dataclass(frozen=True)
class Progress:
    """One saga. `last_seq` numbers the last event folded in, 0 before the first."""

    status: str = "not started"
    steps: Mapping[str, StepProgress] = field(default_factory=dict)
    last_seq: int = 0
    began: datetime | None = None
    ended: datetime | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status in ENDED

    def step(self, name: str) -> StepProgress:
        """One step's progress, also before its first event."""
        return self.steps.get(name, StepProgress())

    def count(self, mark: Mark) -> int:
        """How many steps have this mark."""
        return sum(step.mark is mark for step in self.steps.values())

    def seconds(self, now: datetime) -> float:
        """How long the saga has taken: until its end, or until `now`."""
        return ((self.ended or now) - self.began).total_seconds() if self.began else 0.0


def fold(progress: Progress, event: Mapping[str, Any]) -> Progress:
    """`progress` after one more event of the saga, as the API and the WebSocket give it.

    An event that was folded in before changes nothing, so a stream may be joined anywhere before
    its end. Types of events that are not known change the number alone.
    """
    if event["seq"] <= progress.last_seq:
        return progress
    at = datetime.fromisoformat(event["at"])
    progress = replace(progress, last_seq=event["seq"], began=progress.began or at)
    kind, _, what = event["type"].partition(".")
    if kind == "saga":
        status = "pending" if what == "started" else what
        return replace(progress, status=status, ended=at if status in ENDED else None)
    if event["step"] is None:
        return progress
    step = fold_step(progress.step(event["step"]), event)
    return replace(progress, steps={**progress.steps, event["step"]: step})


def fold_step(step: StepProgress, event: Mapping[str, Any]) -> StepProgress:
    """`step` after one event of its own; a late result (`step.late`) changes nothing."""
    mark = MARK_OF_EVENT.get((event["type"], event["direction"]), step.mark)
    if event["type"] != "step.claimed":
        return replace(step, mark=mark)
    if event["direction"] == "action":
        return replace(step, mark=mark, attempts=step.attempts + 1)
    return replace(step, mark=mark, compensation_attempts=step.compensation_attempts + 1)
