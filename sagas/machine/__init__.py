"""The state machine of a saga: pure, standard library only. `decide` is its one way in.

Read `states` first: the words, and the tables that say what is legal. `decide` is a pure function:
from a definition, a state, a fact and the time it gives events and the state that they lead to. It
reads no clock and sends nothing. Whoever calls it holds the row's lock, saves both in one
transaction, and afterwards sends a hint for each step that is due.

First the fact itself is answered, by the module of its kind: `attempts` (claims, reports, ended
leases), `progress` (signals and times), `reminding` (reminders), `families` (child executions),
`operate` (people). Then `progress.follow` asks what the new state makes possible: steps that may
start, the turn back, the end. A fact that comes too late or twice changes nothing, and the verdict
says so.

The decider's form, events decided and then applied, is Chassaing's ("Functional Event Sourcing
Decider", 2021); sagas and compensations are Garcia-Molina and Salem's ("Sagas", SIGMOD 1987).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, assert_never

from sagas.machine import attempts, families, operate, progress, reminding
from sagas.machine import events as ev
from sagas.machine.children import Children
from sagas.machine.conditions import Between, Present
from sagas.machine.context import Context
from sagas.machine.decision import (
    ChildCommand,
    Decision,
    Draft,
    Recorded,
    Start,
    Verdict,
    why_no_way_back,
)
from sagas.machine.definition import InvalidInput, Saga
from sagas.machine.event_json import event_from_json, event_to_json
from sagas.machine.evolve import agrees, begin, evolve, fold
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
    FullQueues,
    Lost,
    Operation,
    ParentCommand,
    ParentCommanded,
    Pause,
    Progress,
    Reminded,
    Report,
    Reschedule,
    Resolve,
    Resume,
    Route,
    Signal,
    Skip,
    Succeeded,
    TryAgain,
    Unblocked,
    Woken,
)
from sagas.machine.failures import Failure, FailureKind, Later, Rejected, Unreachable
from sagas.machine.family_steps import ForEach, Repeat, SubSaga
from sagas.machine.outcomes import outcome
from sagas.machine.parameters import PATIENT, DefinitionError, Retry
from sagas.machine.reminding import due_reminders
from sagas.machine.state import ExecutionState, Options, StepState
from sagas.machine.states import (
    AT_REST,
    GOING_FORWARD,
    TERMINAL,
    Direction,
    Effect,
    ExecutionStatus,
    Outcome,
    StepStatus,
)
from sagas.machine.steps import Pivot, Poll, SagaStep
from sagas.machine.tasks import Login
from sagas.machine.tree import Choice, FirstOf, Parallel
from sagas.machine.waiting_steps import Remind, Sleep, WaitFor
from sagas.machine.wake import Hint, Repetition, hints, repetition, wake_at

__all__ = [
    "AT_REST",
    "PATIENT",
    "TERMINAL",
    "Adopt",
    "Amend",
    "Between",
    "Cancel",
    "ChildCommand",
    "Children",
    "ChildrenMoved",
    "ChildrenRefused",
    "ChildrenReported",
    "Choice",
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
    "FirstOf",
    "ForEach",
    "FullQueues",
    "Hint",
    "InvalidInput",
    "Later",
    "Login",
    "Lost",
    "Operation",
    "Options",
    "Outcome",
    "Parallel",
    "ParentCommand",
    "ParentCommanded",
    "Pause",
    "Pivot",
    "Poll",
    "Present",
    "Progress",
    "Rejected",
    "Remind",
    "Reminded",
    "Repeat",
    "Repetition",
    "Report",
    "Reschedule",
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
    "TryAgain",
    "Unblocked",
    "Unreachable",
    "Verdict",
    "WaitFor",
    "Woken",
    "agrees",
    "decide",
    "due_reminders",
    "event_from_json",
    "event_to_json",
    "evolve",
    "fold",
    "hints",
    "outcome",
    "repetition",
    "start",
    "wake_at",
]

_REPEATING: Final = Woken | Resume | ParentCommanded
"""After these, all that is due is told of once more (R2)."""


def start(
    definition: Saga,
    started: ev.SagaStarted,
    now: datetime,
    refused: Failure | None = None,
    early: Iterable[Signal] = (),
) -> Decision:
    """The first decision of an execution: it begins, and its first steps are due; or it turns back
    at once, because it was `refused`, and its parent goes on without it. `early` are signals that
    its parent kept for it."""
    state = begin(started)
    draft = Draft(definition, state, now, [Recorded(state.last_seq, state.status, started)])
    for signal in early:
        progress.signal(draft, signal)
    if refused is not None:
        families.turn_back(draft, "its start", refused)
    progress.follow(draft)
    return draft.decision(Verdict.ACCEPTED)


def decide(definition: Saga, state: ExecutionState, fact: Fact, now: datetime) -> Decision:
    """What follows from `fact`. `now` is the database's clock, read under the row's lock (S13)."""
    draft = Draft(definition, state, now)
    verdict = _answer(draft, fact)
    is_saved = verdict in (Verdict.ACCEPTED, Verdict.LATE)
    if is_saved and not isinstance(fact, Claim):  # a claim makes nothing new possible
        progress.follow(draft)  # a late report neither, but its time may have come
    return draft.decision(verdict, repeat_hints=isinstance(fact, _REPEATING))


def _answer(draft: Draft, fact: Fact) -> Verdict:
    match fact:
        case Claim():
            return attempts.claim(draft, fact)
        case Succeeded() | Failed():
            return attempts.report(draft, fact)
        case Lost():
            return attempts.lost(draft, fact)
        case Woken():
            attempts.end_leases(draft)
            progress.end_times(draft)
            return Verdict.ACCEPTED
        case Reminded():
            return reminding.reminded(draft, fact)
        case ChildrenReported():
            return Verdict.ACCEPTED
        case Signal():
            return progress.signal(draft, fact)
        case ChildrenMoved():
            return families.children_moved(draft, fact)
        case ChildrenRefused():
            return families.children_refused(draft, fact)
        case Unblocked():
            draft.emit(ev.SagaUnblocked())
            return Verdict.ACCEPTED
        case Deadlocked():
            return _give_way(draft, fact)
        case ParentCommanded():
            return operate.obey(draft, fact.command)
        case TryAgain() | Reschedule():
            verdict = operate.operate(draft, fact)
            if verdict is Verdict.ACCEPTED:
                progress.end_times(draft)  # the moment may have come already
            return verdict
        case Cancel() | Pause() | Resume() | Skip() | Resolve() | Amend():
            return operate.operate(draft, fact)
        case _:
            assert_never(fact)


def _give_way(draft: Draft, fact: Deadlocked) -> Verdict:
    if draft.state.status not in GOING_FORWARD:
        return draft.refuse("It turns back already, and gives its locks up by that.")
    if why := why_no_way_back(draft):
        return draft.refuse(why)  # another in the cycle has to give way
    families.turn_back(draft, "a deadlock", fact.failure)
    return Verdict.ACCEPTED
