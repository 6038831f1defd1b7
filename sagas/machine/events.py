"""What has happened to an execution: its events, numbered 1, 2, 3 …; folding them (`evolve.fold`)
gives its state (S8). The types are also what subscribers and the HTTP API see."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, ClassVar, Final, get_args

from sagas.machine import operator_events as by_hand
from sagas.machine.failures import Failure
from sagas.machine.states import Direction, Effect, Outcome, statically_frozen


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


SagaCancelled = by_hand.SagaCancelled
SagaPaused = by_hand.SagaPaused
SagaResumed = by_hand.SagaResumed
SagaAmended = by_hand.SagaAmended
SagaAdopted = by_hand.SagaAdopted


@statically_frozen(frozen=True, slots=True)
class SagaSignalled:
    type: ClassVar = "saga.signalled"
    name: str
    payload: Any
    by: str
    key: str = ""
    collected: bool = False
    goes_to: str = ""
    """The step that takes it, if that is not the one of its name."""
    taken: bool = False
    """Whether it is not kept here: a round took it."""


@statically_frozen(frozen=True, slots=True)
class SagaChose:
    """A choice was made: `way` is its label, or empty. A `FirstOf` names its first member."""

    type: ClassVar = "saga.chose"
    choice: str
    way: str
    changes: Mapping[str, Any] = field(default_factory=dict)


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
    type: ClassVar = "step.reopened"
    due_at: datetime


@statically_frozen(frozen=True, slots=True, kw_only=True)
class StepExpedited(_OfStepByPerson):
    type: ClassVar = "step.expedited"
    due_at: datetime


@statically_frozen(frozen=True, slots=True, kw_only=True)
class StepSkipped(_OfStepByPerson):
    type: ClassVar = "step.skipped"
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True, kw_only=True)
class StepResolved(_OfStepByPerson):
    type: ClassVar = "step.resolved"


@statically_frozen(frozen=True, slots=True)
class _OfAttempt(_OfStep):
    attempt: int
    fence: int


@statically_frozen(frozen=True, slots=True)
class _FailedAttempt(_OfAttempt):
    """`effect` is the strongest so far; `reported` whether its holder said so, or a lease ended."""

    failure: Failure
    effect: Effect
    reported: bool


@statically_frozen(frozen=True, slots=True)
class StepScheduled(_OfStep):
    type: ClassVar = "step.scheduled"
    due_at: datetime


@statically_frozen(frozen=True, slots=True)
class StepClaimed(_OfAttempt):
    """If `together`, other sagas' actions run in the same process while this claim is held."""

    type: ClassVar = "step.claimed"
    holder: str
    lease_until: datetime
    together: bool = False


@statically_frozen(frozen=True, slots=True)
class StepAsked(_OfAttempt):
    """A poll was asked `asks` times since its last event; of all in the saga, `asked` times."""

    type: ClassVar = "step.asked"
    asks: int
    asked: int
    reported: int
    holder: str
    due_at: datetime | None = None
    lease_until: datetime | None = None
    together: bool = False


@statically_frozen(frozen=True, slots=True)
class StepWaiting(_OfAttempt):
    """It waits: for a signal or a time, `until` when at most, or for `total` children, and more
    while it is `open`."""

    type: ClassVar = "step.waiting"
    until: datetime | None = None
    total: int | None = None
    open: bool = False
    remind_at: datetime | None = None


@statically_frozen(frozen=True, slots=True)
class StepReminded(_OfStep):
    """Reminder `number` was started, or there is a `failure`. The next is due at `remind_at`."""

    type: ClassVar = "step.reminded"
    number: int
    remind_at: datetime | None = None
    failure: Failure | None = None


@statically_frozen(frozen=True, slots=True)
class StepChildren(_OfStep):
    """Children were started (or taken back: `refused` says why), or came to something: how many
    more of each. `adds` is what a round gives to the context, if another one may follow; `hands`
    names the signals that were kept for the round that begins."""

    type: ClassVar = "step.children"
    started: int = 0
    change: Mapping[Outcome, int] = field(default_factory=dict)
    refused: str = ""
    failure: Failure | None = None
    adds: Mapping[str, Any] | None = None
    hands: tuple[str, ...] | None = None


@statically_frozen(frozen=True, slots=True)
class StepSucceeded(_OfAttempt):
    type: ClassVar = "step.succeeded"
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True)
class StepRetrying(_FailedAttempt):
    """The attempt failed; the next one is due at `due_at`. It does not count if its process died,
    perhaps at another saga's action; `alone` from now on is claimed only by itself (S14)."""

    type: ClassVar = "step.retrying"
    due_at: datetime
    counts: bool = True
    alone: bool = False


@statically_frozen(frozen=True, slots=True)
class StepFailed(_FailedAttempt):
    type: ClassVar = "step.failed"


@statically_frozen(frozen=True, slots=True)
class StepRefused(_OfAttempt):
    """Without an effect; its definition accepts that, and the saga goes on."""

    type: ClassVar = "step.refused"
    failure: Failure
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True)
class StepWithdrawn(_OfStep):
    type: ClassVar = "step.withdrawn"


@statically_frozen(frozen=True, slots=True)
class StepLate(_OfStep):
    """A result that came after its fence was shut out; recorded, and without effect (S1)."""

    type: ClassVar = "step.late"
    fence: int
    succeeded: bool
    failure: Failure | None


Turn = SagaRunning | SagaCompensating | SagaCompleted | SagaCompensated | SagaFailed
_ByAnyone = SagaCancelled | SagaPaused | SagaResumed | SagaAmended | SagaAdopted | SagaSignalled
Note = _ByAnyone | SagaUnblocked | SagaReleased | SagaChose | StepLate
_HelpedStep = StepReopened | StepExpedited | StepSkipped | StepResolved
_StepAtWork = StepScheduled | StepClaimed | StepAsked | StepWaiting | StepReminded | StepChildren
_StepEnded = StepSucceeded | StepRetrying | StepFailed | StepRefused | StepWithdrawn
StepEvent = _StepAtWork | _StepEnded | _HelpedStep
Event = SagaStarted | Turn | Note | StepEvent
SetsDue = StepScheduled | StepRetrying | StepExpedited | StepReopened
"""Says when a step may be claimed."""
Adds = StepSucceeded | StepSkipped | StepRefused
"""Ends a step, and may change the context."""

EVENT_TYPES: Final[dict[str, type[Event]]] = {event.type: event for event in get_args(Event)}
