"""The course of a saga: what its state makes possible, forward and, after a turn, backward.

Steps that wait for a signal or for a time are part of it: nobody claims them; the row waits.
"""

from collections.abc import Iterable
from typing import Any

from sagas.machine import events as ev
from sagas.machine import growing, repeating
from sagas.machine.decision import (
    Draft,
    Verdict,
    fail_unclaimed,
    is_left_out,
    start_running,
    succeed_unclaimed,
    what_came,
)
from sagas.machine.facts import Signal
from sagas.machine.failures import Failure, FailureKind
from sagas.machine.families import begin_family, turns_back
from sagas.machine.family_steps import Family, ForEach, Repeat, Step, is_compensable
from sagas.machine.kept_signals import payload_digest
from sagas.machine.moments import NoTime, ends_at
from sagas.machine.reminding import next_reminder
from sagas.machine.state import UNTOUCHED, StepState
from sagas.machine.states import (
    DONE_FORWARD,
    GOING_FORWARD,
    TRIED_FORWARD,
    UNDER_WAY,
    Direction,
    Effect,
    ExecutionStatus,
    StepStatus,
)
from sagas.machine.steps import SagaStep
from sagas.machine.traversal import frontier, frontier_back
from sagas.machine.tree import Choice, FirstOf
from sagas.machine.undoing import begin_undoing
from sagas.machine.waiting_steps import Sleep, WaitFor


def follow(draft: Draft) -> None:
    """What the state makes possible, until nothing more follows; nothing while it is paused."""
    if draft.state.paused:
        return
    while draft.state.status in GOING_FORWARD and _go_forward(draft):
        pass
    if draft.state.status is ExecutionStatus.COMPENSATING:
        _go_back(draft)


def _go_forward(draft: Draft) -> bool:
    """Whether it should be asked again: a step was settled as soon as it was reached."""
    if turns_back(draft):
        return False
    options = draft.state.options
    if options.blocked or (options.start_at is not None and options.start_at > draft.now):
        return False
    steps = draft.state.steps
    done = {name for name, step in steps.items() if step.status in DONE_FORWARD}
    ahead = frontier(draft.definition.body, done, options.choices)
    if not ahead:
        if draft.state.status is ExecutionStatus.PENDING:  # a person skipped all of it
            draft.emit(ev.SagaRunning())
        draft.emit(ev.SagaCompleted())
        return False
    if draft.definition.choices and _choose(draft, ahead):
        return True
    reached = [
        step
        for step in ahead
        if not isinstance(step, Choice)
        and steps.get(step.name, UNTOUCHED).status is StepStatus.PENDING
    ]
    for step in reached:
        _begin(draft, step)
    if any(draft.state.steps[step.name].status not in UNDER_WAY for step in reached):
        return True
    failed = draft.state.having(StepStatus.FAILED)
    if failed and not draft.state.current_steps:
        draft.emit(ev.SagaFailed(tuple(failed)))
    return False


def _choose(draft: Draft, ahead: Iterable[Step | Choice]) -> bool:
    """Whether there were choices to be made."""
    choices = [each for each in ahead if isinstance(each, Choice)]
    for choice in choices:
        start_running(draft)
        if isinstance(choice, FirstOf):
            _take_first(draft, choice)
        else:
            draft.emit(ev.SagaChose(choice.name, choice.choose(draft.state.context)))
    return bool(choices)


def _take_first(draft: Draft, choice: FirstOf) -> None:
    """Of members that ended in one transaction, the first that is written."""
    first = next(name for name in choice.ways if draft.state.step(name).is_done)
    changes: dict[str, Any] = {choice.name: first}
    for name in choice.ways:
        if draft.state.step(name).status is StepStatus.WAITING:
            draft.emit(ev.StepWithdrawn(name, Direction.ACTION))
        if not draft.state.step(name).is_done:
            changes |= what_came(draft, name)
    draft.emit(ev.SagaChose(choice.name, first, changes))


def _begin(draft: Draft, step: Step) -> None:
    if isinstance(step, SagaStep):
        draft.emit(ev.StepScheduled(step.name, Direction.ACTION, draft.now))
    elif isinstance(step, Family):
        begin_family(draft, step)
    else:
        _begin_wait(draft, step)


def _go_back(draft: Draft) -> None:
    if not draft.state.has_settled or draft.state.options.held:
        return
    past = _undone(draft)
    while ahead := frontier_back(draft.definition.body, past):
        for step in ahead:
            if draft.state.step(step.name).direction is None:
                _begin_undoing(draft, step)
        past = _undone(draft)
        if not any(step.name in past for step in ahead):
            return
    left = draft.state.having(StepStatus.COMPENSATION_FAILED)
    draft.emit(ev.SagaFailed(tuple(left)) if left else ev.SagaCompensated())


def _undone(draft: Draft) -> set[str]:
    steps = draft.definition.by_name.items()
    return {name for name, step in steps if is_undone(step, draft.state.step(name))}


def _begin_undoing(draft: Draft, step: Step) -> None:
    if isinstance(step, SagaStep):
        draft.emit(ev.StepScheduled(step.name, Direction.COMPENSATION, draft.now))
    else:
        begin_undoing(draft, step.name)


def is_undone(definition: Step, step: StepState) -> bool:
    """Whether the way back is past this step: nothing to undo, undone, or given up (S4, S6)."""
    if step.status in (StepStatus.COMPENSATION_SCHEDULED, StepStatus.COMPENSATING):
        return False
    if step.status in TRIED_FORWARD:
        return step.effect is Effect.NONE or not is_compensable(definition)
    return True


def _begin_wait(draft: Draft, step: WaitFor | Sleep) -> None:
    """Lets the step wait; a signal that came before is taken at once (R13)."""
    start_running(draft)
    state = draft.state.step(step.name)
    try:
        until, why = ends_at(step, draft.state.context, draft.now), ""
    except NoTime as error:
        until, why = None, str(error)
    remind_at = next_reminder(step, state.reminded, draft.now)
    begun = step.name, Direction.ACTION, state.attempts + 1, state.fence + 1, until
    draft.emit(ev.StepWaiting(*begun, remind_at=remind_at))
    signals, came = draft.state.options.signals, what_came(draft, step.name)
    if isinstance(step, WaitFor) and step.name in signals and not step.collect:
        succeed_unclaimed(draft, step.name, {step.name: signals[step.name]})
    elif isinstance(step, WaitFor) and came and step.has_enough(came[step.name]):
        succeed_unclaimed(draft, step.name, came)
    elif why:
        failure = Failure(FailureKind.REJECTED, "NoTime", why)
        fail_unclaimed(draft, step.name, failure, Effect.NONE)
    elif isinstance(step, Sleep) and until is not None and until <= draft.now:
        succeed_unclaimed(draft, step.name, {})


def end_times(draft: Draft) -> None:
    """Ends every wait whose time has come."""
    for name in draft.state.having(StepStatus.WAITING):
        until = draft.state.step(name).due_at
        if until is None or until > draft.now:
            continue
        definition = draft.definition.by_name[name]
        if isinstance(definition, WaitFor) and definition.on_timeout == "fail":
            limit = definition.timeout
            of_context = isinstance(limit, str)
            within = f"the time in {limit!r}" if of_context else f"{limit} (seconds, or h:mm:ss)"
            message = f"No signal {name!r} came within {within}."
            if definition.collect:
                count = len(draft.state.options.collected.get(name, ()))
                message = f"Of the signals {name!r}, {count} came within {within}: not enough."
            failure = Failure(FailureKind.REJECTED, "SignalTimeout", message)
            fail_unclaimed(draft, name, failure, Effect.NONE)
        else:
            succeed_unclaimed(draft, name, what_came(draft, name))


def _may_go_forward(draft: Draft) -> bool:
    """Also one that failed on its way forward: a person may let it go on."""
    if draft.state.status is ExecutionStatus.FAILED:
        return not draft.state.having(StepStatus.COMPENSATION_FAILED)
    return draft.state.status in GOING_FORWARD


def signal(draft: Draft, fact: Signal) -> Verdict:
    """Hands a signal to its wait, keeps one that is early, and refuses one that is late (R13)."""
    definition = draft.definition.signals.get(fact.name)
    if not isinstance(definition, WaitFor | ForEach | Repeat):
        known = ", ".join(draft.definition.signals) or "none"
        return draft.refuse(f"No step waits for a signal {fact.name!r}. Waits: {known}.")
    step = draft.state.step(fact.name)
    if (verdict := _known(draft, definition, fact)) is not None:
        return verdict
    if not _may_go_forward(draft):
        return draft.refuse(f"The saga is {draft.state.status}: it waits for nothing any more.")
    if is_left_out(draft, definition.name):
        return draft.refuse(f"A choice has taken another way: nothing waits for {fact.name!r}.")
    if isinstance(definition, ForEach):
        return growing.take(draft, definition, fact)
    if isinstance(definition, Repeat):
        return repeating.take(draft, definition, fact)
    if step.status not in (StepStatus.PENDING, StepStatus.WAITING):
        return draft.refuse(f"The wait for {fact.name!r} is over: the step is {step.status}.")
    if not definition.collect:
        draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by, fact.key))
        changes = {fact.name: fact.payload}
    else:
        came = draft.state.options.collected.get(fact.name, ())
        is_early = step.status is StepStatus.PENDING
        if is_early and definition.has_enough(came):
            return draft.refuse(f"The signals {fact.name!r} that came before are all it waits for.")
        key = fact.key or fact.call
        draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by, key, collected=True))
        changes = what_came(draft, fact.name)
        if not definition.has_enough(changes[fact.name]):
            return Verdict.ACCEPTED
    if step.status is StepStatus.WAITING:
        succeed_unclaimed(draft, fact.name, changes)
    return Verdict.ACCEPTED


def _known(draft: Draft, definition: WaitFor | ForEach | Repeat, fact: Signal) -> Verdict | None:
    """What becomes of a signal that came before; None if it is another one (R13)."""
    name, options = fact.name, draft.state.options
    takes_many = not isinstance(definition, WaitFor) or definition.collect
    key = fact.key or (fact.call if takes_many else "")
    known = options.keys.get(name, {})
    if key in known:
        if known[key] == payload_digest(fact.payload):
            return Verdict.REPEATED
        return draft.refuse(
            f"A signal {name!r} with the key {key!r} came before, with another payload."
        )
    if isinstance(definition, ForEach) and growing.is_closed_again(draft, definition, fact):
        return Verdict.REPEATED
    if takes_many or not (name in options.signals or name in draft.state.step(name).wrote):
        return None
    if fact.key:
        return draft.refuse(f"A signal {name!r} came before, with another key.")
    kept = {**draft.state.context, **options.signals}
    if payload_digest(kept[name]) == payload_digest(fact.payload):
        return Verdict.REPEATED
    return draft.refuse(f"A signal {name!r} came before, with another payload.")
