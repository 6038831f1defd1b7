"""Steps made of child executions: a `SubSaga` has one, a `ForEach` one for each item.

A child goes forward by itself. It goes back only when its parent says so, after every action in
the parent has settled and in the parent's reverse order; so S5 and S6 hold for the whole tree.
What a child has come to (`Outcome`) waits in its row until the parent has taken it; what the
parent says waits in the child's row until the child has done it. Neither is ever lost, and no
transaction of a child waits for its parent's row.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagas.machine import events as ev
from sagas.machine.decision import Draft, Start, Tell, Verdict
from sagas.machine.definition import Saga
from sagas.machine.facts import ChildrenMoved, ChildrenRefused, ParentCommand
from sagas.machine.failures import EFFECT_OF, MESSAGE_LIMIT, Failure, FailureKind
from sagas.machine.settling import conflicting, settle_unclaimed, start_running
from sagas.machine.state import Children, ExecutionState
from sagas.machine.states import (
    GOING_FORWARD,
    Direction,
    Effect,
    ExecutionStatus,
    Outcome,
    StepStatus,
)
from sagas.machine.steps import Family, ForEach

MOST_OF_A_REASON: Final = 120
"""Characters of why one of several items gave up."""

_SUCCESS = (Outcome.COMPLETED, Outcome.FINAL)


def outcome(definition: Saga, state: ExecutionState) -> Outcome | None:
    """What an execution has come to, as its parent would hear it; None while it is at work."""
    match state.status:
        case ExecutionStatus.COMPLETED:
            return Outcome.COMPLETED if definition.pivot is None else Outcome.FINAL
        case ExecutionStatus.COMPENSATED:
            return Outcome.UNDONE
        case ExecutionStatus.COMPENSATING if state.options.held and state.has_settled:
            return Outcome.GAVE_UP
        case ExecutionStatus.FAILED if state.having(StepStatus.COMPENSATION_FAILED):
            return Outcome.STUCK
        case _:
            return None


def begin_family(draft: Draft, step: Family) -> None:
    """Starts the first children of a step, or settles it if there is none to start."""
    start_running(draft)
    state = draft.state.step(step.name)
    if state.children is not None and state.children.started:
        _go_on_with_children(draft, step)
        return
    items = draft.state.context.get(step.over) if isinstance(step, ForEach) else [None]
    total = len(items) if isinstance(items, list | tuple) else None
    draft.emit(
        ev.StepWaiting(
            step.name,
            Direction.ACTION,
            state.attempts + 1,
            state.fence + 1,
            total=total or 0,
        )
    )
    if total is None:
        over = step.over if isinstance(step, ForEach) else ""
        message = f"The context's {over!r} is {type(items).__name__}, and has to be a list."
        _give_up(draft, step.name, Failure(FailureKind.REJECTED, "NotAList", message))
    elif total == 0:
        _succeed(draft, step.name, {step.name: []})
    else:
        _start_more(draft, step.name)


def _go_on_with_children(draft: Draft, step: Family) -> None:
    """A person has a step tried again that has children: they tell anew what they came to, and
    those that were not started are."""
    state = draft.state.step(step.name)
    attempt, fence = state.attempts + 1, state.fence + 1
    draft.emit(ev.StepWaiting(step.name, Direction.ACTION, attempt, fence))
    draft.tells.append(Tell(step.name, ParentCommand.REPORT))
    _start_more(draft, step.name)


def begin_undoing(draft: Draft, name: str) -> None:
    """Tells the children of a step to undo what they did."""
    step = draft.state.step(name)
    attempt, fence = step.compensation_attempts + 1, step.fence + 1
    draft.emit(ev.StepWaiting(name, Direction.COMPENSATION, attempt, fence))
    again = step.status is StepStatus.COMPENSATION_FAILED
    draft.tells.append(Tell(name, ParentCommand.RETRY if again else ParentCommand.UNDO))
    settle_undoing(draft, name)


def halt_families(draft: Draft) -> None:
    """Nothing new starts in the children either (S5)."""
    for name in list(draft.state.families(Direction.ACTION)):
        draft.tells.append(Tell(name, ParentCommand.HALT))
        _settle_family(draft, ChildrenMoved(name, {}))


def resume_families(draft: Draft) -> None:
    """Starts the children whose turn came while their parent was paused."""
    for name in list(draft.state.families(Direction.ACTION)):
        children = draft.state.step(name).children
        if draft.state.status in GOING_FORWARD and children and not _has_failed(children):
            _start_more(draft, name)


def children_moved(draft: Draft, fact: ChildrenMoved) -> Verdict:
    """Takes what children have come to."""
    step = draft.state.step(fact.step)
    if step.direction is None or step.children is None:
        return _moved_by_hand(draft, fact)
    draft.emit(ev.StepChildren(fact.step, step.direction, change=fact.change))
    if step.direction is Direction.COMPENSATION:
        settle_undoing(draft, fact.step)
        return Verdict.ACCEPTED
    is_first_to_give_up = not step.children.count(Outcome.GAVE_UP) and fact.change.get(
        Outcome.GAVE_UP
    )
    if is_first_to_give_up and draft.state.status in GOING_FORWARD:
        draft.tells.append(Tell(fact.step, ParentCommand.HALT))
    _settle_family(draft, fact)
    return Verdict.ACCEPTED


def children_refused(draft: Draft, fact: ChildrenRefused) -> Verdict:
    """Some children could not be started: the others settle, and the step gives up."""
    message = fact.failure.message or fact.failure.error
    draft.emit(ev.StepChildren(fact.step, Direction.ACTION, started=-fact.count, refused=message))
    draft.tells.append(Tell(fact.step, ParentCommand.HALT))
    _settle_family(draft, ChildrenMoved(fact.step, {}))
    return Verdict.ACCEPTED


def all_completed(state: ExecutionState, step: str, change: Mapping[Outcome, int]) -> bool:
    """Whether, with `change`, all children of `step` are completed: it is time to read what they
    give."""
    children = state.step(step).children
    if children is None or state.step(step).direction is not Direction.ACTION:
        return False
    return children.changed(change).count(*_SUCCESS) == children.total


def has_given_up(state: ExecutionState, step: str, change: Mapping[Outcome, int]) -> bool:
    """Whether, with `change`, `step` gives up because of what its children did: it is time to read
    which of them were at fault."""
    children = state.step(step).children
    if children is None or state.step(step).direction is not Direction.ACTION:
        return False
    after = children.changed(change)
    return after.have_settled and after.count(Outcome.GAVE_UP) > 0


def who_gave_up(
    definition: Saga,
    state: ExecutionState,
    step: str,
    change: Mapping[Outcome, int],
    at_fault: tuple[int, Sequence[tuple[int, ev.SagaCompensating]]],
) -> Failure | None:
    """Why `step` gives up: how many of its children did, and the numbers and the reasons of the
    first of them. None if all just turned back with their parent."""
    count, first = at_fault
    children = state.step(step).children
    if not count or children is None:
        return None
    if not isinstance(definition.by_name[step], ForEach):
        [(_, turned)] = first
        message = f"It gave up: {turned.because} ({_reason(turned, MESSAGE_LIMIT)})."
    else:
        named = [f"item {number} ({_reason(turned, MOST_OF_A_REASON)})" for number, turned in first]
        if count > len(first):
            named.append(f"{count - len(first)} more")
        message = f"{count} of {children.total} gave up: {', '.join(named)}."
        if withdrawn := children.changed(change).count(Outcome.GAVE_UP) - count:
            message += f" {withdrawn} were withdrawn because of that."
        if unstarted := children.total - children.started:
            message += f" {unstarted} were not started."
    return Failure(FailureKind.REJECTED, "ChildrenGaveUp", message[:MESSAGE_LIMIT])


def _reason(turned: ev.SagaCompensating, most: int) -> str:
    if turned.failure is None:
        return turned.because
    text = f"{turned.failure.error}: {turned.failure.message}"
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _settle_family(draft: Draft, fact: ChildrenMoved) -> None:
    name = fact.step
    children = draft.state.step(name).children
    assert children is not None, "a family has children"
    if children.count(*_SUCCESS) == children.total:
        if fact.failure is None:
            _succeed(draft, name, fact.changes)
        else:
            _give_up(draft, name, fact.failure)
    elif draft.state.status in GOING_FORWARD and not _has_failed(children):
        _start_more(draft, name)
    elif children.have_settled:
        message = children.refused or "They turned back with their parent."
        known = None if children.refused else fact.failure
        _give_up(draft, name, known or Failure(FailureKind.REJECTED, "ChildrenGaveUp", message))


def _has_failed(children: Children) -> bool:
    return bool(children.refused or children.count(Outcome.GAVE_UP))


def _start_more(draft: Draft, name: str) -> None:
    """Fills the window: as many at work as may be; none while it is paused."""
    definition, children = draft.definition.by_name[name], draft.state.step(name).children
    assert children is not None, "a family has children"
    at_work = children.started - children.count(*Outcome)
    window = definition.window if isinstance(definition, ForEach) else 1
    count = min(window - at_work, children.total - children.started)
    if count > 0 and not draft.state.paused:
        draft.emit(ev.StepChildren(name, Direction.ACTION, started=count))
        draft.starts.append(Start(name, children.started, count))


def _succeed(draft: Draft, name: str, changes: Mapping[str, Any]) -> None:
    if conflict := conflicting(draft, name, Direction.ACTION, changes):
        settle_unclaimed(draft, name, conflict, EFFECT_OF[conflict.kind])
        return
    step = draft.state.step(name)
    draft.emit(ev.StepSucceeded(name, Direction.ACTION, step.attempts, step.fence, changes))


def _give_up(draft: Draft, name: str, failure: Failure) -> None:
    children = draft.state.step(name).children
    has_any = children is not None and children.started > 0
    settle_unclaimed(draft, name, failure, Effect.APPLIED if has_any else Effect.NONE)


def settle_undoing(draft: Draft, name: str) -> None:
    step = draft.state.step(name)
    children = step.children
    assert children is not None, "a family has children"
    if not _is_undone_or_stuck(children):
        return
    if left := _what_is_left(children):
        failure = Failure(FailureKind.REJECTED, "ChildrenNotUndone", left)
        settle_unclaimed(draft, name, failure, step.effect)
    else:
        attempt = step.compensation_attempts
        draft.emit(ev.StepSucceeded(name, Direction.COMPENSATION, attempt, step.fence, {}))


def _is_undone_or_stuck(children: Children) -> bool:
    settled = children.count(Outcome.UNDONE, Outcome.STUCK, Outcome.FINAL)
    return settled == children.started


def _what_is_left(children: Children) -> str:
    stuck, final = children.count(Outcome.STUCK), children.count(Outcome.FINAL)
    parts = []
    if stuck:
        parts.append(f"{stuck} of {children.total} could not be undone: act on them, or on this")
    if final:
        parts.append(f"{final} of {children.total} went past a pivot of their own")
    return "; ".join(parts)


def _moved_by_hand(draft: Draft, fact: ChildrenMoved) -> Verdict:
    """A child that was stuck moved by a person's action on it, after its parent had stopped."""
    step = draft.state.step(fact.step)
    if step.status is not StepStatus.COMPENSATION_FAILED:
        return draft.refuse(f"Step {fact.step} is {step.status}, and asks no child any more.")
    if draft.state.status is ExecutionStatus.FAILED:
        draft.emit(ev.SagaCompensating(f"children of {fact.step}"))
    attempt, fence = step.compensation_attempts + 1, step.fence + 1
    draft.emit(ev.StepWaiting(fact.step, Direction.COMPENSATION, attempt, fence))
    # Waiting starts with none stuck; those that still are did not tell it anew.
    stuck = step.children.count(Outcome.STUCK) if step.children else 0
    change = dict(fact.change) | {Outcome.STUCK: stuck + fact.change.get(Outcome.STUCK, 0)}
    draft.emit(ev.StepChildren(fact.step, Direction.COMPENSATION, change=change))
    settle_undoing(draft, fact.step)
    return Verdict.ACCEPTED
