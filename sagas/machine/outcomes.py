"""What a child execution has come to, as its parent hears it, and what that makes of a step."""

from collections.abc import Mapping, Sequence
from typing import Final

from sagas.machine import events as ev
from sagas.machine.children import Children
from sagas.machine.decision import is_past_pivot
from sagas.machine.definition import Saga
from sagas.machine.failures import MESSAGE_LIMIT, Failure, FailureKind
from sagas.machine.family_steps import ForEach, Repeat, Step, tolerates
from sagas.machine.state import ExecutionState
from sagas.machine.states import Direction, ExecutionStatus, Outcome, StepStatus

SUCCESS: Final = (Outcome.COMPLETED, Outcome.FINAL)

LOST: Final = (Outcome.GAVE_UP, Outcome.UNDONE, Outcome.STUCK)

BACK: Final = (Outcome.UNDONE, Outcome.STUCK, Outcome.FINAL)
"""What becomes of children that are told to undo what they did."""

MOST_OF_A_REASON: Final = 120
"""Characters of why one of several items gave up."""


def outcome(definition: Saga, state: ExecutionState) -> Outcome | None:
    """What an execution has come to, as its parent would hear it; None while it is at work."""
    match state.status:
        case ExecutionStatus.COMPLETED:
            return Outcome.FINAL if is_past_pivot(definition, state) else Outcome.COMPLETED
        case ExecutionStatus.COMPENSATED:
            return Outcome.UNDONE
        case ExecutionStatus.COMPENSATING if state.options.held and state.has_settled:
            return Outcome.GAVE_UP
        case ExecutionStatus.FAILED if state.having(StepStatus.COMPENSATION_FAILED):
            return Outcome.STUCK
        case _:
            return None


def has_enough(step: Step, children: Children) -> bool:
    """Whether so many items have completed that the rest is not needed."""
    enough = step.enough if isinstance(step, ForEach) else None
    return enough is not None and children.count(*SUCCESS) >= enough


def is_complete(step: Step, children: Children) -> bool:
    """Whether a step has all that it waits for from its children."""
    if children.open:
        return False
    if not tolerates(step):
        return children.count(*SUCCESS) == children.total
    needed = children.total
    if isinstance(step, ForEach) and step.enough is not None:
        needed = children.started if has_enough(step, children) else -1
    return not children.refused and children.count(*SUCCESS, Outcome.UNDONE) == needed


def has_failed(step: Step, children: Children) -> bool:
    """Whether a step gives up once its children have settled."""
    lost = children.count(*LOST)
    if isinstance(step, ForEach) and tolerates(step):
        is_short = step.enough is not None and children.total - lost < step.enough
        return bool(children.refused) or is_short
    return bool(children.refused or lost)


def completes(
    definition: Saga, state: ExecutionState, step: str, change: Mapping[Outcome, int]
) -> bool:
    """Whether, with `change`, `step` is complete: it is time to read what its children give."""
    children = state.step(step).children
    if children is None or state.step(step).direction is not Direction.ACTION:
        return False
    return is_complete(definition.by_name[step], children.changed(change))


def gives_up(
    definition: Saga, state: ExecutionState, step: str, change: Mapping[Outcome, int]
) -> bool:
    """Whether, with `change`, `step` gives up because of what its children did: it is time to read
    which of them were at fault."""
    children = state.step(step).children
    if children is None or state.step(step).direction is not Direction.ACTION:
        return False
    known, after = definition.by_name[step], children.changed(change)
    is_over = not tolerates(known) or has_failed(known, after)
    return is_over and after.have_settled and after.count(Outcome.GAVE_UP) > 0


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
    known = definition.by_name[step]
    if not isinstance(known, ForEach):
        [(number, turned)] = first
        which = f"Round {number + 1}" if isinstance(known, Repeat) else "It"
        message = f"{which} gave up: {turned.because} ({_reason(turned, MESSAGE_LIMIT)})."
    else:
        message = _named(count, children.total, first)
        if withdrawn := children.changed(change).count(Outcome.GAVE_UP) - count:
            message += f" {withdrawn} were withdrawn because of that."
        if unstarted := children.total - children.started:
            message += f" {unstarted} were not started."
        if known.enough is not None:
            message += f" {known.enough} had to complete."
    return Failure(FailureKind.REJECTED, "ChildrenGaveUp", message[:MESSAGE_LIMIT])


def what_is_left(children: Children) -> str:
    """Why not all children are undone that were told to be; empty if they are."""
    stuck, final = children.count(Outcome.STUCK), children.count(Outcome.FINAL)
    parts = []
    if stuck:
        parts.append(f"{stuck} of {children.started} could not be undone: act on them, or on this")
    if final:
        parts.append(f"{final} of {children.started} went past their own pivot")
    return "; ".join(parts)


def without(
    total: int, lost: Sequence[tuple[int, ev.SagaCompensating]], most: int
) -> dict[str, str]:
    """What the context says of `lost` items that the saga goes on without, if it goes on without
    any. `most` of them are named."""
    message = _named(len(lost), total, lost[:most])
    return {"error": "ChildrenGaveUp", "message": message[:MESSAGE_LIMIT]}


def of_item(turned: ev.SagaCompensating) -> dict[str, str]:
    """What the list of results says of an item that gave up."""
    if turned.failure is None:
        return {"error": "ChildrenGaveUp", "message": f"It gave up: {turned.because}."}
    return {"error": turned.failure.error, "message": turned.failure.message}


def not_a_list(over: str, value: object) -> Failure:
    """Why a step gives up that has no items to begin with."""
    message = f"The context's {over!r} is {type(value).__name__}, and has to be a list."
    return Failure(FailureKind.REJECTED, "NotAList", message)


def too_many_rounds(step: Repeat) -> Failure:
    """Why a step gives up whose rounds have not led to what they were for."""
    message = f"After {step.most} rounds it is still not so: {step.said}."
    return Failure(FailureKind.REJECTED, "TooManyRounds", message[:MESSAGE_LIMIT])


def _named(count: int, total: int, first: Sequence[tuple[int, ev.SagaCompensating]]) -> str:
    named = [f"item {number} ({_reason(turned, MOST_OF_A_REASON)})" for number, turned in first]
    if count > len(first):
        named.append(f"{count - len(first)} more")
    return f"{count} of {total} gave up: {', '.join(named)}."


def _reason(turned: ev.SagaCompensating, most: int) -> str:
    if turned.failure is None:
        return turned.because
    text = f"{turned.failure.error}: {turned.failure.message}"
    return text if len(text) <= most else f"{text[: most - 1]}…"
