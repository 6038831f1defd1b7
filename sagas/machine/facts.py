"""What the outside tells the machine. A port makes a fact; `decide` says what follows from it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sagas.machine.failures import Failure
from sagas.machine.states import Direction, Outcome, statically_frozen

# --- Workers --------------------------------------------------------------------------------------


@statically_frozen(frozen=True, slots=True)
class Claim:
    """Somebody wants to run a step that is due.

    `fence` is the one that the hint named; `holder` is an id made for this claim alone. With
    `together` other sagas' actions run in the same process while this claim is held.
    """

    step: str
    direction: Direction
    fence: int
    holder: str
    together: bool = False


@statically_frozen(frozen=True, slots=True)
class Succeeded:
    """The holder of `fence` reports a success, and what it changes in the context."""

    step: str
    direction: Direction
    fence: int
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True)
class Failed:
    """The holder of `fence` reports a failed attempt; `final` if its policy gives it no other.
    `wait` is how many seconds after it the next one is due, if the action said so by `Later`;
    `accepted` whether it was refused, and the step's definition takes that for an answer."""

    step: str
    direction: Direction
    fence: int
    failure: Failure
    final: bool = False
    wait: float | None = None
    accepted: bool = False


class Progress(StrEnum):
    """How far a claim had come when its process died."""

    NOT_BEGUN = "not begun"
    RUNNING = "running"
    """The process died in its action."""
    RAN = "ran"
    """Its action had ended, and that was not reported yet."""
    UNKNOWN = "unknown"


@statically_frozen(frozen=True, slots=True)
class Lost:
    """The process that held this very claim is known to be dead: nobody will report it."""

    step: str
    direction: Direction
    fence: int
    holder: str
    progress: Progress = Progress.UNKNOWN


# --- The clock, the locks, the family -------------------------------------------------------------

Route = tuple[str, int, str, Direction]
"""A saga's type and version, a step and a direction: what decides to which queue a hint goes."""

FullQueues = Mapping[Route, str]
"""The routes that lead to a queue that needs no more hints now, and that queue's name."""


@statically_frozen(frozen=True, slots=True)
class Woken:
    """`wake_at` has come: look at leases and due times.

    `full` are the steps whose hints go to a queue that needs no more of them now (R21); see
    `wake.repetition`.
    """

    full: FullQueues = field(default_factory=dict)


@statically_frozen(frozen=True, slots=True)
class Reminded:
    """The reminder that is due at the wait `step` was started, in the transaction that saves what
    follows from this; or it could not be, and `failure` says why."""

    step: str
    failure: Failure | None = None


@statically_frozen(frozen=True, slots=True)
class ChildrenReported:
    """A child says that it has come to something; what, is told by `ChildrenMoved`."""


@statically_frozen(frozen=True, slots=True)
class Unblocked:
    """It is first in the queue of each of its locks."""


@statically_frozen(frozen=True, slots=True)
class Deadlocked:
    """It waits for a lock whose holder waits, in the end, for this one's family."""

    failure: Failure


@statically_frozen(frozen=True, slots=True)
class ChildrenMoved:
    """Children of `step` came to something: how many more of each outcome. If with these the step
    is complete: `changes` is what they give to the context, `failure` why it can't be kept. If
    with these the step gives up: `failure` is which of them were at fault, and why."""

    step: str
    change: Mapping[Outcome, int]
    changes: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None


@statically_frozen(frozen=True, slots=True)
class ChildrenRefused:
    """`count` children of `step` could not be started: none of these is there."""

    step: str
    count: int
    failure: Failure


class ParentCommand(StrEnum):
    """What a parent tells its children."""

    HALT = "halt"
    """Turn back, but undo nothing yet."""
    UNDO = "undo"
    RELEASE = "release"
    """Undo what you did, if you have turned back."""
    WITHDRAW = "withdraw"
    """Turn back and undo what you did, unless you have completed."""
    RETRY = "retry"
    RESOLVE = "resolve"
    PAUSE = "pause"
    RESUME = "resume"
    REPORT = "report"
    """Tell anew what you have come to: the child's row does, its machine is not asked."""


BY_PARENT: Final = "its parent"
"""Who stands in the events of what a parent made its child do."""

LETS_GO: Final = (ParentCommand.RELEASE, ParentCommand.WITHDRAW)
"""What items are told that their saga goes on without."""


@statically_frozen(frozen=True, slots=True)
class ParentCommanded:
    """The parent says so."""

    command: ParentCommand


# --- People and programs --------------------------------------------------------------------------


@statically_frozen(frozen=True, slots=True)
class Signal:
    """What the wait `name` waits for."""

    name: str
    payload: Any
    by: str
    key: str = ""
    """The sender's name for this very signal, which counts once."""
    call: str = ""
    """The same, made up for one without a key: it may be handed in again after a lost session."""
    taken: bool | None = None
    """Of one for a `Repeat`: whether the round at work took it; None if no round was asked."""


@statically_frozen(frozen=True, slots=True, kw_only=True)
class _ByPerson:
    by: str
    reason: str


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Cancel(_ByPerson):
    """Turn back."""


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Pause(_ByPerson):
    """Start nothing more, in either direction, until `Resume`."""


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Resume(_ByPerson):
    """Go on."""


@statically_frozen(frozen=True, slots=True, kw_only=True)
class TryAgain(_ByPerson):
    """Try a step, or its compensation, again: one that gave up, or one that is due later. All that
    gave up, if `step` is None."""

    step: str | None = None


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Reschedule(_ByPerson):
    """`step`, which waits for a time, a signal or its next attempt, does so until `moment`."""

    step: str
    moment: datetime


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Skip(_ByPerson):
    """Go on as if `step` had succeeded, with `changes`."""

    step: str
    changes: Mapping[str, Any] = field(default_factory=dict)


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Resolve(_ByPerson):
    """What `step` left at its participant was put right by hand."""

    step: str


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Amend(_ByPerson):
    """Change the context of an execution that stands still."""

    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True, kw_only=True)
class Adopt(_ByPerson):
    """Go on with another definition of the same type: of `version`, or of its own if None. No fact
    for `decide`, which is told by which definition to decide: see `adoption`.

    `leave` are steps that were done, and need not be undone should the saga turn back.
    """

    version: int | None = None
    leave: tuple[str, ...] = ()


Report = Succeeded | Failed
FamilyFact = ChildrenReported | ChildrenMoved | ChildrenRefused
Operation = Cancel | Pause | Resume | TryAgain | Reschedule | Skip | Resolve | Amend
LockFact = Unblocked | Deadlocked
Fact = (
    Claim
    | Report
    | Lost
    | Woken
    | Reminded
    | LockFact
    | FamilyFact
    | ParentCommanded
    | Signal
    | Operation
)
