"""How steps of every kind begin and end: the first of a saga, one that nobody claims, and one that
changes what others are at work on (S10)."""

from collections.abc import Iterable, Mapping
from typing import Any

from sagas.machine import events as ev
from sagas.machine.decision import Draft
from sagas.machine.failures import Failure, FailureKind
from sagas.machine.states import Direction, Effect, ExecutionStatus
from sagas.machine.steps import ForEach
from sagas.machine.tree import is_done


def start_running(draft: Draft) -> None:
    """The first thing that happens to any step sets its execution going."""
    if draft.state.status is ExecutionStatus.PENDING:
        draft.emit(ev.SagaRunning())


def settle_unclaimed(draft: Draft, name: str, failure: Failure, effect: Effect) -> None:
    """Gives up a step that nobody claims: a wait, or one made of children."""
    step = draft.state.step(name)
    draft.emit(
        ev.StepFailed(
            name,
            step.direction or Direction.ACTION,
            step.attempts_of(step.direction or Direction.ACTION),
            step.fence,
            failure,
            step.effect.or_stronger(effect),
            reported=False,
        )
    )


def conflicting(
    draft: Draft, name: str, direction: Direction, changes: Mapping[str, Any]
) -> Failure | None:
    """Two parallel branches that change one key are an error, not a race; so is one that changes
    the list whose items another is at work on.

    Not so for compensations: what they say of having undone their work must not undo that.
    """
    beside = sorted(draft.definition.concurrent[name])
    if direction is Direction.COMPENSATION or not beside:
        return None
    for other in beside:
        if both := sorted(set(draft.state.step(other).wrote) & set(changes)):
            return _conflict(
                f"Steps {name} and {other} run side by side and both changed {', '.join(both)}."
            )
    if other := list_at_work(draft, changes, beside):
        return _conflict(f"Step {name} changed the list whose items {other} is at work on.")
    return None


def list_at_work(draft: Draft, changes: Mapping[str, Any], steps: Iterable[str]) -> str:
    """Which of `steps` still has to do with the list of items that `changes` would change under
    it; empty if none has. Items that were not started yet may change, their number may not."""
    for name in steps:
        step, state = draft.definition.by_name[name], draft.state.step(name)
        if not isinstance(step, ForEach) or step.over not in changes or is_done(state):
            continue
        if state.children is None or not state.children.started:
            continue
        before, after = draft.state.context[step.over], changes[step.over]
        started, total = state.children.started, state.children.total
        is_list = isinstance(after, list | tuple) and len(after) == total
        if not is_list or list(after[:started]) != list(before[:started]):
            return name
    return ""


def _conflict(what: str) -> Failure:
    advice = "Let each branch write keys of its own."
    return Failure(FailureKind.CONFLICT, "ContextConflict", f"{what} {advice}")
