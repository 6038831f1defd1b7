"""The way back of a step that is made of child executions: they undo their work when told to."""

from sagas.machine import events as ev
from sagas.machine.decision import ChildCommand, Draft, Verdict, fail_unclaimed
from sagas.machine.facts import ChildrenMoved, ParentCommand
from sagas.machine.failures import Failure, FailureKind
from sagas.machine.family_steps import Repeat
from sagas.machine.outcomes import BACK, what_is_left
from sagas.machine.states import Direction, ExecutionStatus, Outcome, StepStatus


def begin_undoing(draft: Draft, name: str) -> None:
    """Tells the children of a step to undo what they did."""
    step = draft.state.step(name)
    attempt, fence = step.compensation_attempts + 1, step.fence + 1
    draft.emit(ev.StepWaiting(name, Direction.COMPENSATION, attempt, fence))
    children = step.children
    stuck = 0 if children is None else children.count(Outcome.STUCK)
    again = step.status is StepStatus.COMPENSATION_FAILED or stuck > 0
    if isinstance(draft.definition.by_name[name], Repeat):
        undo_newest(draft, name, ParentCommand.RETRY if again else ParentCommand.UNDO)
    else:
        if not again or (children is not None and 0 < stuck < children.started):
            draft.child_commands.append(ChildCommand(name, ParentCommand.UNDO))
        if again:
            draft.child_commands.append(ChildCommand(name, ParentCommand.RETRY))
    settle_undoing(draft, name)


def undo_newest(draft: Draft, name: str, command: ParentCommand = ParentCommand.UNDO) -> None:
    """Rounds are undone one after the other: those that are not, or can't be, are the oldest."""
    children = draft.state.step(name).children
    if children is not None and not draft.state.paused:
        left = children.started - children.count(*BACK)
        draft.child_commands += [ChildCommand(name, command, left - 1)] if left else []


def settle_undoing(draft: Draft, name: str) -> None:
    step = draft.state.step(name)
    children = step.children
    assert children is not None, "a family has children"
    if children.count(*BACK) != children.started:
        return
    if left := what_is_left(children):
        failure = Failure(FailureKind.REJECTED, "ChildrenNotUndone", left)
        fail_unclaimed(draft, name, failure, step.effect)
    else:
        attempt = step.compensation_attempts
        draft.emit(ev.StepSucceeded(name, Direction.COMPENSATION, attempt, step.fence, {}))


def moved_by_hand(draft: Draft, fact: ChildrenMoved) -> Verdict:
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
