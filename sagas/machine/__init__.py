"""The state machine of a saga: pure, standard library only.

Read `states` first (the words and the tables), then `decide` (what follows from a fact).
"""

from sagas.machine.context import Context
from sagas.machine.decide import decide, start
from sagas.machine.decision import Decision, Start, Tell, Verdict
from sagas.machine.definition import InvalidInput, Saga
from sagas.machine.evolve import evolve, fold
from sagas.machine.facts import (
    Adopt,
    Amend,
    Cancel,
    ChildrenMoved,
    ChildrenRefused,
    ChildrenReported,
    Claim,
    Deadlocked,
    Fact,
    Failed,
    Lost,
    Operation,
    ParentCommand,
    ParentCommanded,
    Pause,
    Progress,
    Report,
    Resolve,
    Resume,
    Signal,
    Skip,
    Succeeded,
    TryAgain,
    Unblocked,
    Woken,
)
from sagas.machine.failures import Failure, FailureKind, Later, Rejected, Unreachable
from sagas.machine.families import outcome
from sagas.machine.parameters import DefinitionError
from sagas.machine.retry import PATIENT, Retry
from sagas.machine.state import Children, ExecutionState, Options, StepState
from sagas.machine.states import (
    AT_REST,
    TERMINAL,
    Direction,
    Effect,
    ExecutionStatus,
    Outcome,
    StepStatus,
)
from sagas.machine.steps import ForEach, Pivot, SagaStep, Sleep, SubSaga, WaitFor
from sagas.machine.tree import Parallel
from sagas.machine.wake import FullQueues, Hint, Repetition, Route, hints, repetition, wake_at

__all__ = [
    "AT_REST",
    "PATIENT",
    "TERMINAL",
    "Adopt",
    "Amend",
    "Cancel",
    "Children",
    "ChildrenMoved",
    "ChildrenRefused",
    "ChildrenReported",
    "Claim",
    "Context",
    "Deadlocked",
    "Decision",
    "DefinitionError",
    "Direction",
    "Effect",
    "ExecutionState",
    "ExecutionStatus",
    "Fact",
    "Failed",
    "Failure",
    "FailureKind",
    "ForEach",
    "FullQueues",
    "Hint",
    "InvalidInput",
    "Later",
    "Lost",
    "Operation",
    "Options",
    "Outcome",
    "Parallel",
    "ParentCommand",
    "ParentCommanded",
    "Pause",
    "Pivot",
    "Progress",
    "Rejected",
    "Repetition",
    "Report",
    "Resolve",
    "Resume",
    "Retry",
    "Route",
    "Saga",
    "SagaStep",
    "Signal",
    "Skip",
    "Sleep",
    "Start",
    "StepState",
    "StepStatus",
    "SubSaga",
    "Succeeded",
    "Tell",
    "TryAgain",
    "Unblocked",
    "Unreachable",
    "Verdict",
    "WaitFor",
    "Woken",
    "decide",
    "evolve",
    "fold",
    "hints",
    "outcome",
    "repetition",
    "start",
    "wake_at",
]
