"""What `decide` answers."""

from dataclasses import dataclass
from enum import StrEnum

from sagas.machine.events import Event
from sagas.machine.state import ExecutionState
from sagas.machine.states import ExecutionStatus
from sagas.machine.wake import Hint


class Verdict(StrEnum):
    """What became of a fact."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """A claim of something that is not due, or is somebody else's. Nothing changed (R1)."""
    REPEATED = "repeated"
    """The fact is known already, under the same fence. Nothing changed (R6)."""
    LATE = "late"
    """A report under a fence that was shut out: recorded, without effect (R5, R12)."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its number, and the execution's status after it."""

    seq: int
    status: ExecutionStatus
    event: Event


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of the fact, the state after it, the events that led there, and the steps that
    the workers must be told of, after the commit."""

    verdict: Verdict
    state: ExecutionState
    events: tuple[Recorded, ...]
    hints: tuple[Hint, ...]
