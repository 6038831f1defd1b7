"""What follows from a fact: the machine's one way in. The tables in `states` say what is legal.

`decide` is a pure function: from a definition, a state, a fact and the time it gives events and
the state that they lead to. It reads no clock and sends nothing. Whoever calls it holds the row's
lock, saves both in one transaction, and afterwards sends a hint for each step that is due.

First the fact itself is answered, by the module of its kind: `attempts` (claims, reports, ended
leases), `waits` (signals and times), `families` (child executions), `operate` (people). Then
`progress.follow` asks what the new state makes possible: steps that may start, the turn back, the
end. A fact that comes too late or twice changes nothing, and the verdict says so.

The decider's form, events decided and then applied, is Chassaing's ("Functional Event Sourcing
Decider", 2021); sagas and compensations are Garcia-Molina and Salem's ("Sagas", SIGMOD 1987).
"""

from datetime import datetime
from typing import Final, assert_never

from sagas.machine import events as ev
from sagas.machine.attempts import claim, end_leases, lost, report
from sagas.machine.decision import Decision, Draft, Verdict
from sagas.machine.definition import Saga
from sagas.machine.evolve import begin
from sagas.machine.facts import (
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
    ParentCommanded,
    Pause,
    Resolve,
    Resume,
    Signal,
    Skip,
    Succeeded,
    TryAgain,
    Unblocked,
    Woken,
)
from sagas.machine.families import children_moved, children_refused
from sagas.machine.operate import obey, operate
from sagas.machine.progress import follow, turn_back, why_no_way_back
from sagas.machine.state import ExecutionState
from sagas.machine.waits import end_times, signal

_REPEATING: Final = Woken | Resume | ParentCommanded
"""After these, all that is due is told of once more (R2)."""


def start(definition: Saga, started: ev.SagaStarted, now: datetime) -> Decision:
    """The first decision of an execution: it begins, and its first steps are due."""
    draft = Draft(definition, begin(started), now)
    draft.record(started)
    follow(draft)
    return draft.decision(Verdict.ACCEPTED)


def decide(definition: Saga, state: ExecutionState, fact: Fact, now: datetime) -> Decision:
    """What follows from `fact`. `now` is the database's clock, read under the row's lock (S13)."""
    draft = Draft(definition, state, now)
    verdict = _answer(draft, fact)
    is_saved = verdict in (Verdict.ACCEPTED, Verdict.LATE)
    if is_saved and not isinstance(fact, Claim):  # a claim makes nothing new possible
        follow(draft)  # a late report neither, but its time may have come
    return draft.decision(verdict, repeat_hints=isinstance(fact, _REPEATING))


def _answer(draft: Draft, fact: Fact) -> Verdict:
    match fact:
        case Claim():
            return claim(draft, fact)
        case Succeeded() | Failed():
            return report(draft, fact)
        case Lost():
            return lost(draft, fact)
        case Woken():
            end_leases(draft)
            end_times(draft)
            return Verdict.ACCEPTED
        case ChildrenReported():
            return Verdict.ACCEPTED
        case Signal():
            return signal(draft, fact)
        case ChildrenMoved():
            return children_moved(draft, fact)
        case ChildrenRefused():
            return children_refused(draft, fact)
        case Unblocked():
            draft.emit(ev.SagaUnblocked())
            return Verdict.ACCEPTED
        case Deadlocked():
            if why := why_no_way_back(draft):
                return draft.refuse(why)  # another in the cycle has to give way
            turn_back(draft, "a deadlock", fact.failure)
            return Verdict.ACCEPTED
        case ParentCommanded():
            return obey(draft, fact.order)
        case Cancel() | Pause() | Resume() | TryAgain() | Skip() | Resolve() | Amend():
            return operate(draft, fact)
        case _:
            assert_never(fact)
