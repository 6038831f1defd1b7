"""The state machine of a saga: pure, standard library only.

Read `states` first (the words and the tables), then `decide` (what follows from a fact).
"""

from sagas.machine.decide import decide, start
from sagas.machine.decision import Decision, Verdict
from sagas.machine.definition import (
    DefinitionError,
    InvalidInput,
    Parallel,
    Saga,
    SagaStep,
)
from sagas.machine.facts import Claim, Fact, Failed, Report, Succeeded, Woken
from sagas.machine.failures import Failure, FailureKind, Rejected, Unreachable
from sagas.machine.retry import PATIENT, Retry
from sagas.machine.state import ExecutionState, StepState
from sagas.machine.states import (
    AT_REST,
    TERMINAL,
    Direction,
    Effect,
    ExecutionStatus,
    StepStatus,
)
from sagas.machine.wake import Hint, hints, wake_at

__all__ = [
    "AT_REST",
    "PATIENT",
    "TERMINAL",
    "Claim",
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
    "Hint",
    "InvalidInput",
    "Parallel",
    "Rejected",
    "Report",
    "Retry",
    "Saga",
    "SagaStep",
    "StepState",
    "StepStatus",
    "Succeeded",
    "Unreachable",
    "Verdict",
    "Woken",
    "decide",
    "hints",
    "start",
    "wake_at",
]
