"""What people may do to an execution, and a parent to its child; each refused where it makes no
sense, with the reason. Each is recorded with who and why."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, assert_never

from sagas.machine import events as ev
from sagas.machine.added_items import list_at_work
from sagas.machine.decision import (
    ChildCommand,
    Draft,
    Verdict,
    is_left_out,
    is_past_pivot,
    what_came,
    why_no_way_back,
)
from sagas.machine.facts import (
    BY_PARENT,
    LETS_GO,
    Amend,
    Cancel,
    Operation,
    ParentCommand,
    Pause,
    Reschedule,
    Resolve,
    Resume,
    Skip,
    TryAgain,
)
from sagas.machine.families import resume_families, turn_back
from sagas.machine.state import StepState
from sagas.machine.states import (
    GOING_FORWARD,
    SCHEDULED,
    TERMINAL,
    Direction,
    ExecutionStatus,
    Outcome,
    StepStatus,
)
from sagas.machine.steps import Pivot
from sagas.machine.undoing import settle_undoing
from sagas.machine.waiting_steps import Sleep, WaitFor

_TURNS: Final = {
    ParentCommand.HALT: GOING_FORWARD,
    ParentCommand.UNDO: GOING_FORWARD | {ExecutionStatus.COMPLETED},
    ParentCommand.WITHDRAW: GOING_FORWARD,
}
_GIVEN_UP: Final = {
    StepStatus.FAILED: Direction.ACTION,
    StepStatus.COMPENSATION_FAILED: Direction.COMPENSATION,
}


def operate(draft: Draft, fact: Operation) -> Verdict:
    """Answers what a person asks for."""
    if draft.state.status in TERMINAL:
        return draft.refuse(f"The saga is {draft.state.status}: nothing is left to act on.")
    match fact:
        case Cancel():
            return _cancel(draft, fact)
        case Pause() | Resume():
            return _pause_or_resume(draft, fact)
        case TryAgain():
            return _try_again(draft, fact)
        case Reschedule():
            return _move(draft, fact, fact.step, fact.moment)
        case Skip():
            return _skip(draft, fact)
        case Resolve():
            return _resolve(draft, fact)
        case Amend():
            return _amend(draft, fact)
        case _:
            assert_never(fact)


def obey(draft: Draft, command: ParentCommand) -> Verdict:
    """Does what the parent says, as far as it still makes sense."""
    state = draft.state
    by_parent = {"by": BY_PARENT, "reason": ""}
    match command:
        case _ if state.status in _TURNS.get(command, ()):
            if why := why_no_way_back(draft):
                return draft.refuse(why)
            turn_back(draft, BY_PARENT)
        case ParentCommand.PAUSE | ParentCommand.RESUME:
            if state.status in TERMINAL:
                return Verdict.REPEATED
            operation = Pause if command is ParentCommand.PAUSE else Resume
            return _pause_or_resume(draft, operation(**by_parent))
        case ParentCommand.RETRY if state.status is ExecutionStatus.FAILED:
            return _try_again(draft, TryAgain(**by_parent))
        case ParentCommand.RESOLVE if state.status is ExecutionStatus.FAILED:
            for name in state.having(StepStatus.COMPENSATION_FAILED):
                _resolve(draft, Resolve(step=name, **by_parent))
            return Verdict.ACCEPTED
    is_let_go = draft.state.status is ExecutionStatus.COMPENSATING and command in LETS_GO
    if draft.state.options.held and (is_let_go or command is ParentCommand.UNDO):
        draft.emit(ev.SagaReleased())
    return Verdict.ACCEPTED if draft.events else Verdict.REPEATED


def _cancel(draft: Draft, fact: Cancel) -> Verdict:
    state = draft.state
    if state.options.held or state.options.forward_only:
        return draft.refuse("It is part of another saga. Cancel that one.")
    if state.status is ExecutionStatus.COMPENSATING:
        return Verdict.REPEATED
    if state.having(StepStatus.COMPENSATION_FAILED):
        return draft.refuse("It has turned back already. Retry or resolve what is left.")
    if why := why_no_way_back(draft):
        return draft.refuse(why)
    draft.emit(ev.SagaCancelled(by=fact.by, reason=fact.reason))
    turn_back(draft, "a cancel")
    return Verdict.ACCEPTED


def _pause_or_resume(draft: Draft, fact: Pause | Resume) -> Verdict:
    pause = isinstance(fact, Pause)
    if draft.state.paused == pause:
        return Verdict.REPEATED
    if pause and draft.state.status is ExecutionStatus.FAILED:
        return draft.refuse("It has failed, so it has stopped already.")
    event = ev.SagaPaused if pause else ev.SagaResumed
    draft.emit(event(by=fact.by, reason=fact.reason))
    command = ParentCommand.PAUSE if pause else ParentCommand.RESUME
    draft.child_commands.append(ChildCommand(None, command))
    if not pause:
        resume_families(draft)
    return Verdict.ACCEPTED


def _try_again(draft: Draft, fact: TryAgain) -> Verdict:
    given_up = _given_up(draft)
    if fact.step is None:
        if not given_up:
            return draft.refuse("No step has given up. To hurry a step that is due later, name it.")
        names = list(given_up)
    elif fact.step in given_up:
        names = [fact.step]
    else:
        return _move(draft, fact, fact.step, draft.now)
    if why := _why_children_stay(draft, names):
        return draft.refuse(why)
    _leave_failed(draft, fact.by, given_up[names[0]])
    for name in names:
        _reopen(draft, fact, name, given_up[name])
    return Verdict.ACCEPTED


def _why_children_stay(draft: Draft, names: Iterable[str]) -> str:
    """Why the children of steps that gave up can't go on; empty if they can, or there are none."""
    for name in names:
        step = draft.state.step(name)
        if step.children is None:
            continue
        if draft.state.paused:
            return "It is paused, and its children would start. Resume it first."
        if _has_turned_children(step):
            return f"Children of {name} have turned back, and can't go forward again."
    return ""


def _has_turned_children(step: StepState) -> bool:
    """Whether children wait for their parent to turn back, too: then they undo what they did."""
    if step.status is not StepStatus.FAILED or step.children is None:
        return False
    return step.children.count(Outcome.GAVE_UP) > 0


def _given_up(draft: Draft) -> dict[str, Direction]:
    """The steps that keep a failed execution from its end, and the direction in which they gave
    up. A saga that turned back has failed actions, too; those are not what it failed by."""
    if draft.state.status is ExecutionStatus.FAILED:
        stuck = draft.state.having(StepStatus.COMPENSATION_FAILED)
        names = stuck or draft.state.having(StepStatus.FAILED)
    elif draft.state.status is ExecutionStatus.COMPENSATING:
        names = draft.state.having(StepStatus.COMPENSATION_FAILED)
    else:
        names = draft.state.having(StepStatus.FAILED)
    return {name: _GIVEN_UP[draft.state.step(name).status] for name in names}


def _leave_failed(draft: Draft, by: str, direction: Direction) -> None:
    if draft.state.status is ExecutionStatus.FAILED:
        forward = direction is Direction.ACTION
        draft.emit(ev.SagaRunning() if forward else ev.SagaCompensating(by))


def _reopen(draft: Draft, fact: TryAgain, name: str, direction: Direction) -> None:
    step = draft.state.step(name)
    if step.children is not None and direction is Direction.COMPENSATION:
        attempt, fence = step.compensation_attempts + 1, step.fence + 1
        draft.emit(ev.StepWaiting(name, direction, attempt, fence))
        draft.child_commands.append(ChildCommand(name, ParentCommand.RETRY))
        settle_undoing(draft, name)  # those that went past a pivot tell nothing any more
        return
    draft.emit(ev.StepReopened(name, direction, by=fact.by, reason=fact.reason, due_at=draft.now))


def _move(draft: Draft, fact: TryAgain | Reschedule, name: str, moment: datetime) -> Verdict:
    """Gives a step that is due later, or waits, another time. To try again is to end a sleep, too,
    but not the wait for a signal."""
    known, step = draft.definition.by_name.get(name), draft.state.step(name)
    if known is None:
        return draft.refuse(_unknown(draft, name))
    is_wait = isinstance(known, WaitFor | Sleep if isinstance(fact, Reschedule) else Sleep)
    if step.status not in SCHEDULED.values() and not (
        is_wait and step.status is StepStatus.WAITING
    ):
        what = "nothing to try again" if isinstance(fact, TryAgain) else "no time to move"
        return draft.refuse(f"Step {name} is {step.status}: there is {what}.")
    if step.due_at == moment or (step.due_at and max(step.due_at, moment) <= draft.now):
        return Verdict.REPEATED
    direction = step.direction
    assert direction is not None, "a step that is due or waits has a direction"
    draft.emit(ev.StepExpedited(name, direction, by=fact.by, reason=fact.reason, due_at=moment))
    return Verdict.ACCEPTED


def _skip(draft: Draft, fact: Skip) -> Verdict:
    step = draft.state.step(fact.step)
    if fact.step not in draft.definition.by_name:
        return draft.refuse(_unknown(draft, fact.step))
    if step.status is StepStatus.SKIPPED:
        return Verdict.REPEATED
    has_turned = draft.state.having(StepStatus.COMPENSATION_FAILED)
    if draft.state.status is ExecutionStatus.COMPENSATING or has_turned:
        return draft.refuse("The saga has turned back. Resolve a compensation done by hand.")
    has_children_at_work = step.children is not None and step.direction is not None
    if step.status is StepStatus.RUNNING or has_children_at_work:
        return draft.refuse(f"Step {fact.step} is running: wait until it has settled.")
    if is_left_out(draft, fact.step):
        return draft.refuse(f"A choice has taken another way: step {fact.step} will not run.")
    if step.status is StepStatus.SUCCEEDED:
        return draft.refuse(f"Step {fact.step} has succeeded: there is nothing to skip.")
    is_pivot = isinstance(draft.definition.by_name[fact.step], Pivot)
    if is_pivot and step == StepState():
        return draft.refuse(f"Step {fact.step} is the pivot, and steps before it are not done.")
    if _has_turned_children(step):
        return draft.refuse(f"Children of {fact.step} have turned back: cancel the saga, too.")
    others = [name for name in draft.definition.by_name if name != fact.step]
    if at_work := list_at_work(draft.definition, draft.state, fact.changes, others):
        return draft.refuse(_of_list(at_work))
    _leave_failed(draft, fact.by, Direction.ACTION)
    by = {"by": fact.by, "reason": fact.reason}
    changes = {**what_came(draft, fact.step), **fact.changes}
    draft.emit(ev.StepSkipped(fact.step, Direction.ACTION, **by, changes=changes))
    return Verdict.ACCEPTED


def _resolve(draft: Draft, fact: Resolve) -> Verdict:
    step = draft.state.step(fact.step)
    if fact.step not in draft.definition.by_name:
        return draft.refuse(_unknown(draft, fact.step))
    if step.status is StepStatus.COMPENSATED:
        return Verdict.REPEATED
    direction = _given_up(draft).get(fact.step)
    if direction is None:
        return draft.refuse(
            f"Step {fact.step} is {step.status}. Only a step that gave up can be resolved by hand."
        )
    if fact.step in draft.definition.after_pivot and is_past_pivot(draft.definition, draft.state):
        return draft.refuse(f"Step {fact.step} has no way back. Retry it, or skip it.")
    if direction is Direction.ACTION and step.children is not None and step.children.started:
        return draft.refuse(
            f"Step {fact.step} is made of sagas, which undo what they did. Cancel it, or skip it."
        )
    _leave_failed(draft, fact.by, direction)
    draft.emit(ev.StepResolved(fact.step, direction, by=fact.by, reason=fact.reason))
    if step.children is not None and direction is Direction.COMPENSATION:
        draft.child_commands.append(ChildCommand(fact.step, ParentCommand.RESOLVE))
    return Verdict.ACCEPTED


def _amend(draft: Draft, fact: Amend) -> Verdict:
    if draft.state.status is not ExecutionStatus.FAILED and not draft.state.paused:
        return draft.refuse(
            f"The saga is {draft.state.status}, and its steps read the context. Pause it first."
        )
    if at_work := list_at_work(draft.definition, draft.state, fact.changes):
        return draft.refuse(_of_list(at_work))
    draft.emit(ev.SagaAmended(by=fact.by, reason=fact.reason, changes=fact.changes))
    return Verdict.ACCEPTED


def _of_list(step: str) -> str:
    what = "neither those items nor their number may change."
    return f"Step {step} has started children for items of that list: {what}"


def _unknown(draft: Draft, name: str) -> str:
    return f"There is no step {name!r}. Steps: {', '.join(draft.definition.by_name)}."
