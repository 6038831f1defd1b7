"""What has happened to an execution.

An execution's events are numbered 1, 2, 3 …; folding all of them (`evolve.fold`) gives its state
(S8). The types are also what subscribers and the HTTP API see.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, ClassVar, Final, get_args

from sagas.machine.failures import Failure
from sagas.machine.states import Direction, Effect, Outcome
from sagas.machine.values import statically_frozen

# --- The execution --------------------------------------------------------------------------------


@statically_frozen(frozen=True, slots=True)
class SagaStarted:
    type: ClassVar = "saga.started"
    saga_id: str
    saga_type: str
    version: int
    context: Mapping[str, Any]
    start_at: datetime | None = None
    deadline: datetime | None = None
    locks: bool = False
    blocked: bool = False
    held: bool = False
    forward_only: bool = False


@statically_frozen(frozen=True, slots=True)
class SagaUnblocked:
    """It holds its locks, and begins."""

    type: ClassVar = "saga.unblocked"


@statically_frozen(frozen=True, slots=True)
class SagaRunning:
    type: ClassVar = "saga.running"


@statically_frozen(frozen=True, slots=True)
class SagaCompensating:
    """The saga turns back; `because` names the step that gave up, or says who or what else."""

    type: ClassVar = "saga.compensating"
    because: str
    failure: Failure | None = None


@statically_frozen(frozen=True, slots=True)
class SagaReleased:
    """The parent goes back: what was held until then is undone."""

    type: ClassVar = "saga.released"


@statically_frozen(frozen=True, slots=True)
class SagaCompleted:
    type: ClassVar = "saga.completed"


@statically_frozen(frozen=True, slots=True)
class SagaCompensated:
    type: ClassVar = "saga.compensated"


@statically_frozen(frozen=True, slots=True)
class SagaFailed:
    """A person is needed; `left` names the steps that gave up, each still to be settled."""

    type: ClassVar = "saga.failed"
    left: tuple[str, ...]


# --- What a person does ---------------------------------------------------------------------------


@statically_frozen(frozen=True, slots=True, kw_only=True)
class _ByPerson:
    by: str
    reason: str


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaCancelled(_ByPerson):
    """Asked to turn back; `saga.compensating` follows."""

    type: ClassVar = "saga.cancelled"


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaPaused(_ByPerson):
    type: ClassVar = "saga.paused"


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaResumed(_ByPerson):
    type: ClassVar = "saga.resumed"


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaAmended(_ByPerson):
    type: ClassVar = "saga.amended"
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaAdopted(_ByPerson):
    """It goes on with the definition of `version` whose structure has that `digest`; `leave` are
    steps that nobody undoes any more."""

    type: ClassVar = "saga.adopted"
    version: int
    digest: str
    leave: tuple[str, ...] = ()


@statically_frozen(frozen=True, slots=True)
class SagaSignalled:
    """A signal came before its wait, and is kept."""

    type: ClassVar = "saga.signalled"
    name: str
    payload: Any
    by: str


@statically_frozen(frozen=True, slots=True)
class _OfStep:
    step: str
    direction: Direction


@statically_frozen(frozen=True, slots=True)
class _OfStepByPerson(_OfStep):
    by: str = field(kw_only=True)
    reason: str = field(kw_only=True)


@statically_frozen(frozen=True, slots=True, kw_only=True)
class StepReopened(_OfStepByPerson):
    """Given up, and to be tried again, with all its attempts."""

    type: ClassVar = "step.reopened"
    due_at: datetime


@statically_frozen(frozen=True, slots=True, kw_only=True)
class StepExpedited(_OfStepByPerson):
    """Due later, and now at once."""

    type: ClassVar = "step.expedited"
    due_at: datetime


@statically_frozen(frozen=True, slots=True, kw_only=True)
class StepSkipped(_OfStepByPerson):
    type: ClassVar = "step.skipped"
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True, kw_only=True)
class StepResolved(_OfStepByPerson):
    """What it left at its participant was put right by hand."""

    type: ClassVar = "step.resolved"


# --- Steps ----------------------------------------------------------------------------------------


@statically_frozen(frozen=True, slots=True)
class _OfAttempt(_OfStep):
    attempt: int
    fence: int


@statically_frozen(frozen=True, slots=True)
class _FailedAttempt(_OfAttempt):
    failure: Failure
    effect: Effect
    """The strongest over all attempts so far."""
    reported: bool
    """Whether its holder said so; otherwise its lease ended."""


@statically_frozen(frozen=True, slots=True)
class StepScheduled(_OfStep):
    type: ClassVar = "step.scheduled"
    due_at: datetime


@statically_frozen(frozen=True, slots=True)
class StepClaimed(_OfAttempt):
    type: ClassVar = "step.claimed"
    holder: str
    lease_until: datetime
    together: bool = False
    """Whether other sagas' actions run in the same process while this claim is held."""


@statically_frozen(frozen=True, slots=True)
class StepWaiting(_OfAttempt):
    """It waits: for a signal or a time, `until` when at most, or for `total` children."""

    type: ClassVar = "step.waiting"
    until: datetime | None = None
    total: int | None = None


@statically_frozen(frozen=True, slots=True)
class StepChildren(_OfStep):
    """Children were started, or came to something: how many more of each."""

    type: ClassVar = "step.children"
    started: int = 0
    change: Mapping[Outcome, int] = field(default_factory=dict)
    refused: str = ""
    """Why some could not be started; then `started` takes them back."""


@statically_frozen(frozen=True, slots=True)
class StepSucceeded(_OfAttempt):
    type: ClassVar = "step.succeeded"
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True)
class StepRetrying(_FailedAttempt):
    """The attempt failed; the next one is due at `due_at`."""

    type: ClassVar = "step.retrying"
    due_at: datetime
    counts: bool = True
    """False if its process died, perhaps at another saga's action (S14)."""
    alone: bool = False
    """Whether the step is claimed only by itself from now on (S14)."""


@statically_frozen(frozen=True, slots=True)
class StepFailed(_FailedAttempt):
    """The attempt failed, and there is no other: the step, or its compensation, gave up."""

    type: ClassVar = "step.failed"


@statically_frozen(frozen=True, slots=True)
class StepWithdrawn(_OfStep):
    """Scheduled or waiting, but the saga turned back before anybody claimed it (again)."""

    type: ClassVar = "step.withdrawn"


@statically_frozen(frozen=True, slots=True)
class StepLate(_OfStep):
    """A result that came after its fence was shut out; recorded, and without effect (S1)."""

    type: ClassVar = "step.late"
    fence: int
    succeeded: bool
    failure: Failure | None


# --- All of them ----------------------------------------------------------------------------------

Turn = SagaRunning | SagaCompensating | SagaCompleted | SagaCompensated | SagaFailed
"""Changes the execution's status."""
Note = (
    SagaUnblocked
    | SagaReleased
    | SagaCancelled
    | SagaPaused
    | SagaResumed
    | SagaAmended
    | SagaAdopted
    | SagaSignalled
    | StepLate
)
"""Changes something else of the execution, or nothing."""
StepEvent = (
    StepScheduled
    | StepClaimed
    | StepWaiting
    | StepChildren
    | StepSucceeded
    | StepRetrying
    | StepFailed
    | StepWithdrawn
    | StepReopened
    | StepExpedited
    | StepSkipped
    | StepResolved
)
Event = SagaStarted | Turn | Note | StepEvent

SetsDue = StepScheduled | StepRetrying | StepExpedited | StepReopened
"""Says when a step may be claimed."""
Adds = StepSucceeded | StepSkipped
"""Ends a step, and may change the context."""

EVENT_TYPES: Final[dict[str, type[Event]]] = {event.type: event for event in get_args(Event)}
