"""How an execution would go on if all went well: the machine's own functions, on a copy that
nobody keeps. What it can't bring to its end, no worker can."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sagas.machine import decide
from sagas.machine.children import Children
from sagas.machine.decision import Verdict, is_past_pivot
from sagas.machine.definition import Saga
from sagas.machine.facts import (
    Cancel,
    ChildrenMoved,
    Claim,
    Fact,
    ParentCommand,
    ParentCommanded,
    Resume,
    Signal,
    Skip,
    Succeeded,
    TryAgain,
    Woken,
)
from sagas.machine.family_steps import ForEach, Repeat, catches, tolerates
from sagas.machine.growing import closed_by
from sagas.machine.state import ExecutionState, Options, StepState
from sagas.machine.states import (
    GOING_FORWARD,
    SCHEDULED,
    Direction,
    ExecutionStatus,
    Outcome,
    StepStatus,
)
from sagas.machine.steps import SagaStep
from sagas.machine.waiting_steps import WaitFor, collects

_REHEARSAL = {"by": "a rehearsal", "reason": ""}


def goes_forward(definition: Saga, state: ExecutionState, now: datetime) -> str:
    """Why it would not complete, though every step succeeds; empty if it would, or has turned."""
    if not may_go_forward(state):
        return ""
    is_stopped = state.status is ExecutionStatus.FAILED
    gave_up = _has_given_up(state)
    again = TryAgain(**_REHEARSAL)
    copy = _unhindered(definition, state, paused=not is_stopped)
    try:
        end = _rehearse(definition, copy, again if is_stopped else Resume(**_REHEARSAL), now)
        if end.status is ExecutionStatus.FAILED and gave_up:
            end = _rehearse(definition, end, again, now)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    # What gave up before may turn it back, and rightly so; a child then waits for its parent.
    is_held = end.options.held and end.status is ExecutionStatus.COMPENSATING and end.has_settled
    turns = gave_up and (is_held or _is_back(state, end))
    completes = end.status is ExecutionStatus.COMPLETED and not end.current_steps
    return "" if turns or completes else _where(end)


def goes_back(definition: Saga, state: ExecutionState, now: datetime) -> str:
    """Why it would not be compensated, though every compensation succeeds; empty if it would, or
    is past the point where it could turn back."""
    copy = _unhindered(definition, state, paused=False)
    fact: Fact = Cancel(**_REHEARSAL)
    if state.options.held and state.status is not ExecutionStatus.FAILED:
        fact = ParentCommanded(ParentCommand.UNDO)
    elif state.status is ExecutionStatus.COMPENSATING:
        copy, fact = replace(copy, paused=True), Resume(**_REHEARSAL)
    elif state.having(StepStatus.COMPENSATION_FAILED):
        fact = TryAgain(**_REHEARSAL)
    try:
        if decide(definition, copy, fact, now).verdict is Verdict.REFUSED:
            return ""
        end = _rehearse(definition, copy, fact, now)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if _is_back(state, end) else _where(end)


def has_turned(state: ExecutionState) -> bool:
    """Whether it goes back, or went until something gave up."""
    stuck = state.having(StepStatus.COMPENSATION_FAILED)
    return state.status is ExecutionStatus.COMPENSATING or bool(stuck)


def may_go_forward(state: ExecutionState) -> bool:
    """Whether actions may still be run."""
    at_work = state.status in GOING_FORWARD or state.status is ExecutionStatus.FAILED
    return at_work and not has_turned(state)


def may_go_back(definition: Saga, state: ExecutionState) -> bool:
    """Whether what was done may still have to be undone."""
    if has_turned(state):
        return True
    return not is_past_pivot(definition, state) and not state.options.forward_only


def _has_given_up(state: ExecutionState) -> bool:
    return any(
        step.status is StepStatus.FAILED
        or (step.children is not None and step.children.count(Outcome.GAVE_UP))
        for step in state.steps.values()
    )


def _is_back(state: ExecutionState, end: ExecutionState) -> bool:
    """Whether all is undone, but for what was left before, or can't be: a person has to act."""
    left = [
        name
        for name in end.having(StepStatus.COMPENSATION_FAILED)
        if state.step(name).status is not StepStatus.COMPENSATION_FAILED
        and not _has_children_left(state.step(name).children)
    ]
    is_stopped = end.status is ExecutionStatus.FAILED and end.having(StepStatus.COMPENSATION_FAILED)
    return end.status is ExecutionStatus.COMPENSATED or (bool(is_stopped) and not left)


def _has_children_left(children: Children | None) -> bool:
    return children is not None and children.count(Outcome.FINAL, Outcome.STUCK) > 0


def _unhindered(definition: Saga, state: ExecutionState, *, paused: bool) -> ExecutionState:
    """A copy without times and locks to wait for, and with lists for the items that are made of
    one, and what rounds are repeated for: what the steps will leave is not known here."""
    items = Counter[str]()  # of each list: as many as the most demanding step needs
    for step in definition.by_name.values():
        if isinstance(step, ForEach) and step.name not in state.steps:
            items |= Counter({step.over: step.enough or 1})
    options: Options = replace(state.options, start_at=None, deadline=None, blocked=False)
    lists = {over: [None] * count for over, count in items.items()}
    context: Mapping[str, Any] = {**state.context, **lists}
    for step in definition.by_name.values():
        if isinstance(step, Repeat) and not state.step(step.name).is_done:
            for path, condition in step.conditions:
                context = _with(context, path.split("."), condition.example)
    return replace(state, paused=paused, options=options, context=context)


def _with(context: Mapping[str, Any], path: Sequence[str], value: object) -> Mapping[str, Any]:
    """The context with `value` there."""
    if not path:
        return value  # type: ignore[return-value]
    inner = context.get(path[0])
    inner = inner if isinstance(inner, Mapping) else {}
    return {**context, path[0]: _with(inner, path[1:], value)}


def _rehearse(definition: Saga, state: ExecutionState, fact: Fact, now: datetime) -> ExecutionState:
    """Where it comes to from `fact` on."""
    state = decide(definition, state, fact, now).state
    while not state.is_at_rest:
        before = state.last_seq
        for name in state.current_steps:
            state = _go_on(definition, state, name, now)
        if state.last_seq == before:
            state = _wait(definition, state, now)
        if state.last_seq == before:
            break
    return state


def _go_on(definition: Saga, state: ExecutionState, name: str, now: datetime) -> ExecutionState:
    """As if what a step is at had succeeded."""
    step, known = state.step(name), definition.by_name.get(name)
    direction = step.direction
    if direction is None:
        return state
    if step.children is not None:
        is_caught = catches(known) or tolerates(known)
        change = _good_news(step, step.children, state, direction, is_caught=is_caught)
        if any(change.values()):
            return decide(definition, state, ChildrenMoved(name, change), now).state
        return _closed(definition, state, name, now) if step.children.open else state
    if step.status is SCHEDULED[direction]:
        assert step.due_at is not None, "a scheduled step is due at some time"
        if not isinstance(known, SagaStep) or known.callable_for(direction) is None:
            return state
        claim = Claim(name, direction, step.fence, "a rehearsal")
        state = decide(definition, state, claim, max(now, step.due_at)).state
        step = state.step(name)
    if step.lease_until is not None:
        return decide(definition, state, Succeeded(name, direction, step.fence, {}), now).state
    if collects(known):
        return decide(definition, state, Skip(step=name, changes={}, **_REHEARSAL), now).state
    if isinstance(known, WaitFor):
        return decide(definition, state, Signal(name, None, "a rehearsal"), now).state
    return state


def _closed(definition: Saga, state: ExecutionState, name: str, now: datetime) -> ExecutionState:
    """As if no more items came to a step that grows, all of which are done."""
    known = definition.by_name.get(name)
    if not isinstance(known, ForEach) or not known.closes_by:
        return state
    state = decide(definition, state, Signal(known.closes_by, None, "a rehearsal"), now).state
    if not closed_by(definition, state, Signal(known.closes_by, None, "a rehearsal")):
        return state
    return decide(definition, state, ChildrenMoved(name, {}), now).state


def _good_news(
    step: StepState,
    children: Children,
    state: ExecutionState,
    direction: Direction,
    *,
    is_caught: bool,
) -> dict[Outcome, int]:
    if direction is Direction.COMPENSATION:
        told = children.count(Outcome.UNDONE, Outcome.STUCK, Outcome.FINAL)
        return {Outcome.UNDONE: children.started - told}
    at_work = children.started - children.count(*Outcome)
    is_forward = state.status in GOING_FORWARD
    if is_caught and (is_forward or step.failure or not at_work):
        gave_up, stuck = children.count(Outcome.GAVE_UP), children.count(Outcome.STUCK)
        undone = {Outcome.GAVE_UP: -gave_up, Outcome.STUCK: -stuck, Outcome.UNDONE: gave_up + stuck}
        return undone | ({Outcome.COMPLETED: at_work} if is_forward else {})
    completes = is_forward and not children.count(Outcome.GAVE_UP)
    return {Outcome.COMPLETED if completes else Outcome.GAVE_UP: at_work}


def _wait(definition: Saga, state: ExecutionState, now: datetime) -> ExecutionState:
    """The time that the next wait is for has come; by then nothing else is under way."""
    moments = [state.step(name).due_at for name in state.having(StepStatus.WAITING)]
    until = min((moment for moment in moments if moment is not None), default=None)
    if until is None:
        return state
    return decide(definition, state, Woken(), max(now, until)).state


def _where(end: ExecutionState) -> str:
    at = ", ".join(f"{name} ({end.step(name).status})" for name in end.current_steps)
    return f"it {'ends' if end.is_at_rest else 'stays'} {end.status}" + (f", at {at}" if at else "")
