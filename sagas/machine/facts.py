"""What the outside tells the machine. A port makes a fact; `decide` says what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagas.machine.failures import Failure
from sagas.machine.states import Direction


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody wants to run a step that is due.

    `fence` is the one that the hint named; `holder` is an id made for this claim alone.
    """

    step: str
    direction: Direction
    fence: int
    holder: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The holder of `fence` reports a success, and what it changes in the context."""

    step: str
    direction: Direction
    fence: int
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """The holder of `fence` reports a failed attempt."""

    step: str
    direction: Direction
    fence: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Woken:
    """`wake_at` has come: look at leases and due times."""


Report = Succeeded | Failed
Fact = Claim | Report | Woken
