"""Steps that wait for a signal or for a time. Nobody claims them; the row waits."""

from typing import Any

from sagas.machine import events as ev
from sagas.machine.decision import Draft, Verdict
from sagas.machine.facts import Signal
from sagas.machine.failures import EFFECT_OF, Failure, FailureKind
from sagas.machine.parameters import as_timedelta
from sagas.machine.settling import conflicting, settle_unclaimed, start_running
from sagas.machine.states import GOING_FORWARD, Direction, Effect, ExecutionStatus, StepStatus
from sagas.machine.steps import Sleep, WaitFor


def begin_wait(draft: Draft, step: WaitFor | Sleep) -> None:
    """Lets the step wait; a signal that came before is taken at once (R13)."""
    start_running(draft)
    state = draft.state.step(step.name)
    duration = step.duration if isinstance(step, Sleep) else step.timeout
    until = None if duration is None else draft.now + as_timedelta(duration)
    draft.emit(
        ev.StepWaiting(step.name, Direction.ACTION, state.attempts + 1, state.fence + 1, until)
    )
    signals = draft.state.options.signals
    if isinstance(step, WaitFor) and step.name in signals:
        end_wait(draft, step.name, {step.name: signals[step.name]})


def end_wait(draft: Draft, name: str, changes: dict[str, Any]) -> None:
    """The wait is over, and adds `changes` to the context."""
    if conflict := conflicting(draft, name, Direction.ACTION, changes):
        settle_unclaimed(draft, name, conflict, EFFECT_OF[conflict.kind])
        return
    step = draft.state.step(name)
    draft.emit(ev.StepSucceeded(name, Direction.ACTION, step.attempts, step.fence, changes))


def end_times(draft: Draft) -> None:
    """Ends every wait whose time has come."""
    for name in draft.state.having(StepStatus.WAITING):
        until = draft.state.step(name).due_at
        if until is None or until > draft.now:
            continue
        definition = draft.definition.by_name[name]
        if isinstance(definition, WaitFor) and definition.on_timeout == "fail":
            message = f"No signal {name!r} came within {definition.timeout} (seconds, or h:mm:ss)."
            failure = Failure(FailureKind.REJECTED, "SignalTimeout", message)
            settle_unclaimed(draft, name, failure, Effect.NONE)
        else:
            end_wait(draft, name, {})


def _may_go_forward(draft: Draft) -> bool:
    """Also one that failed on its way forward: a person may let it go on."""
    if draft.state.status is ExecutionStatus.FAILED:
        return not draft.state.having(StepStatus.COMPENSATION_FAILED)
    return draft.state.status in GOING_FORWARD


def signal(draft: Draft, fact: Signal) -> Verdict:
    """Hands a signal to its wait, keeps one that is early, and refuses one that is late (R13)."""
    definition = draft.definition.by_name.get(fact.name)
    if not isinstance(definition, WaitFor):
        waits = [s.name for s in draft.definition.by_name.values() if isinstance(s, WaitFor)]
        known = ", ".join(waits) or "none"
        return draft.refuse(f"No step waits for a signal {fact.name!r}. Waits: {known}.")
    step = draft.state.step(fact.name)
    if fact.name in draft.state.options.signals or fact.name in step.wrote:
        return Verdict.REPEATED
    if not _may_go_forward(draft):
        return draft.refuse(f"The saga is {draft.state.status}: it waits for nothing any more.")
    match step.status:
        case StepStatus.PENDING:
            draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by))
        case StepStatus.WAITING:
            draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by))
            end_wait(draft, fact.name, {fact.name: fact.payload})
        case _:
            return draft.refuse(f"The wait for {fact.name!r} is over: the step is {step.status}.")
    return Verdict.ACCEPTED
