"""What a cancel would do, without doing it: the same functions, on a copy that nobody keeps."""

from dataclasses import dataclass
from datetime import datetime

from sagas.machine import decide
from sagas.machine.decision import Verdict
from sagas.machine.definition import Saga
from sagas.machine.facts import Cancel, ChildrenMoved, Claim, Failed, Resume, Succeeded
from sagas.machine.failures import Failure, FailureKind
from sagas.machine.state import ExecutionState, StepState
from sagas.machine.states import Direction, ExecutionStatus, Outcome, StepStatus


@dataclass(frozen=True, slots=True)
class WayBack:
    """`settling` are the steps that are in flight and are waited for; then `stages` are undone one
    after the other, the steps of a stage side by side. Steps in flight are taken to have happened.
    """

    refused: str
    """Why a cancel would be refused; empty if it would not."""
    settling: tuple[str, ...] = ()
    stages: tuple[tuple[str, ...], ...] = ()


def way_back(definition: Saga, state: ExecutionState, now: datetime) -> WayBack:
    """What would be undone, in order, if the execution were cancelled now."""
    state = decide(definition, state, Resume(by="", reason=""), now).state
    if state.status is not ExecutionStatus.COMPENSATING:
        cancelled = decide(definition, state, Cancel(by="", reason=""), now)
        if cancelled.verdict is Verdict.REFUSED:
            return WayBack(cancelled.reason)
        state = cancelled.state
    settling = tuple(name for name, step in state.steps.items() if _is_at_work(step))
    for name in settling:
        state = _settled(definition, state, name, now)
    stages = []
    while stage := tuple(state.current_steps):
        stages.append(stage)
        assert len(stages) <= len(state.steps), "each stage undoes a step"
        for name in stage:
            state = _undone(definition, state, name, now)
    return WayBack("", settling, tuple(stages))


def _is_at_work(step: StepState) -> bool:
    return step.status in (StepStatus.RUNNING, StepStatus.WAITING)


def _settled(definition: Saga, state: ExecutionState, name: str, now: datetime) -> ExecutionState:
    """As if an action in flight had ended with an unknown outcome."""
    step = state.step(name)
    if step.children is not None:
        at_work = step.children.started - step.children.count(*Outcome)
        fact = ChildrenMoved(name, {Outcome.GAVE_UP: at_work})
        return _caught(definition, decide(definition, state, fact, now).state, name, now)
    failure = Failure(FailureKind.UNKNOWN, "Preview", "")
    failed = Failed(name, Direction.ACTION, step.fence, failure)
    return decide(definition, state, failed, now).state


def _caught(definition: Saga, state: ExecutionState, name: str, now: datetime) -> ExecutionState:
    """As if a child that may fail had undone what it did: it is told to when it gives up, before
    its parent's way back."""
    step = state.step(name)
    if step.direction is not Direction.ACTION or step.children is None:
        return state
    gave_up = step.children.count(Outcome.GAVE_UP)
    fact = ChildrenMoved(name, {Outcome.GAVE_UP: -gave_up, Outcome.UNDONE: gave_up})
    return decide(definition, state, fact, now).state


def _undone(definition: Saga, state: ExecutionState, name: str, now: datetime) -> ExecutionState:
    """As if the compensation of a step had succeeded."""
    step = state.step(name)
    if step.children is not None:
        told = step.children.count(Outcome.UNDONE, Outcome.STUCK, Outcome.FINAL)
        change = {Outcome.UNDONE: step.children.started - told}
        return decide(definition, state, ChildrenMoved(name, change), now).state
    return _compensated(definition, state, name, now)


def _compensated(
    definition: Saga, state: ExecutionState, name: str, now: datetime
) -> ExecutionState:
    step = state.step(name)
    if step.status is StepStatus.COMPENSATION_SCHEDULED:
        assert step.due_at is not None, "a scheduled step is due at some time"
        claim = Claim(name, Direction.COMPENSATION, step.fence, "preview")
        state = decide(definition, state, claim, max(now, step.due_at)).state
    fence = state.step(name).fence
    return decide(definition, state, Succeeded(name, Direction.COMPENSATION, fence, {}), now).state
