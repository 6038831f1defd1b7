"""The course of a saga: what its state makes possible, forward and, after a turn, backward."""

from sagas.machine import events as ev
from sagas.machine.decision import Draft
from sagas.machine.failures import Failure
from sagas.machine.families import begin_family, begin_undoing, halt_families
from sagas.machine.states import (
    GOING_FORWARD,
    Direction,
    Effect,
    ExecutionStatus,
    StepStatus,
)
from sagas.machine.steps import Family, SagaStep, Step
from sagas.machine.tree import frontier, is_done, is_undone
from sagas.machine.waits import begin_wait


def follow(draft: Draft) -> None:
    """What the state makes possible, until nothing more follows; nothing while it is paused."""
    if draft.state.paused:
        return
    while draft.state.status in GOING_FORWARD and _go_forward(draft):
        pass
    if draft.state.status is ExecutionStatus.COMPENSATING:
        _go_back(draft)


def why_no_way_back(draft: Draft) -> str:
    """Why the saga can't turn back as things stand; empty if it can (S7).

    Not after the pivot, nor while it runs, nor from one that may have landed and can't be undone:
    the steps before it must not be taken back from under it.
    """
    if draft.state.options.forward_only:
        return "It is part of a saga that is past its pivot: it only goes forward."
    pivot = draft.definition.pivot
    if pivot is None:
        return ""
    step = draft.state.step(pivot.name)
    if is_done(step):
        return f"It is past its pivot, {pivot.name}: it only goes forward."
    if step.status is StepStatus.RUNNING:
        return f"Its pivot, {pivot.name}, is running: wait until it has settled."
    if step.effect is not Effect.NONE and pivot.compensation is None:
        return (
            f"Its pivot, {pivot.name}, may have happened, and has no compensation: find out, then "
            f"skip it (it did) or resolve it (it did not)."
        )
    return ""


def turn_back(draft: Draft, because: str, failure: Failure | None = None) -> None:
    """Nothing new starts from here on; what is in flight settles first (S5, R9)."""
    draft.emit(ev.SagaCompensating(because, failure))
    reopened = [name for name in draft.state.having(StepStatus.PENDING) if _was_tried(draft, name)]
    for name in [*draft.state.scheduled(Direction.ACTION), *reopened]:
        draft.emit(ev.StepWithdrawn(name, Direction.ACTION))
    for name in draft.state.having(StepStatus.WAITING):
        if draft.state.step(name).children is None:
            draft.emit(ev.StepWithdrawn(name, Direction.ACTION))
    halt_families(draft)


def _was_tried(draft: Draft, name: str) -> bool:
    """Whether a pending step was reopened by a person: what it left must not be forgotten (S4)."""
    return draft.state.step(name).attempts > 0


def _go_forward(draft: Draft) -> bool:
    """Whether it should be asked again: a step was settled as soon as it was reached."""
    failed = draft.state.having(StepStatus.FAILED)
    if failed and not why_no_way_back(draft):
        turn_back(draft, failed[0], draft.state.step(failed[0]).failure)
        return False
    options = draft.state.options
    if (
        options.deadline is not None
        and options.deadline <= draft.now
        and not why_no_way_back(draft)
    ):
        turn_back(draft, "the deadline")
        return False
    if options.blocked or (options.start_at is not None and options.start_at > draft.now):
        return False
    done = {name for name, step in draft.state.steps.items() if is_done(step)}
    ahead = frontier(draft.definition.body, done)
    if not ahead:
        if draft.state.status is ExecutionStatus.PENDING:  # a person skipped all of it
            draft.emit(ev.SagaRunning())
        draft.emit(ev.SagaCompleted())
        return False
    reached = [s for s in ahead if draft.state.step(s.name).status is StepStatus.PENDING]
    for step in reached:
        _begin(draft, step)
    if any(draft.state.step(step.name).direction is None for step in reached):
        return True
    if failed and not draft.state.current_steps:
        draft.emit(ev.SagaFailed(tuple(failed)))
    return False


def _begin(draft: Draft, step: Step) -> None:
    if isinstance(step, SagaStep):
        draft.emit(ev.StepScheduled(step.name, Direction.ACTION, draft.now))
    elif isinstance(step, Family):
        begin_family(draft, step)
    else:
        begin_wait(draft, step)


def _go_back(draft: Draft) -> None:
    if not draft.state.has_settled or draft.state.options.held:
        return
    past = _undone(draft)
    while ahead := frontier(draft.definition.body, past, backward=True):
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
