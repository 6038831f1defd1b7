"""How a parent hears of its children, and what they share: their locks."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from sagas import inputs
from sagas.machine import (
    TERMINAL,
    ChildrenMoved,
    ExecutionState,
    Failure,
    FailureKind,
    ForEach,
    Outcome,
    Saga,
    SubSaga,
)
from sagas.machine.context import NotStorable, storable_json
from sagas.machine.families import all_completed
from sagas.machine.states import GOING_FORWARD
from sagas.machine.steps import copied
from sagas.store import children, locks
from sagas.store.executions import Locked

Output = tuple[dict[str, Any], set[str]]
"""A child's context, and the keys that its steps wrote."""


def news(definition: Saga, locked: Locked) -> Iterator[ChildrenMoved]:
    """What the children have come to since this was last asked."""
    if not any(step.children for step in locked.state.steps.values()):
        return
    for step, change in children.take_outcomes(locked.id).items():
        outputs = partial(children.outputs, locked.id, step)
        yield moved(definition, locked.state, step, change, outputs)


def moved(
    definition: Saga,
    state: ExecutionState,
    step: str,
    change: Mapping[Outcome, int],
    outputs: Callable[[], list[Output]],
) -> ChildrenMoved:
    """The fact that children of `step` came to something; with their `outputs`, once all are
    completed."""
    if not all_completed(state, step, change):
        return ChildrenMoved(step, change)
    changes = _given_back(definition, step, outputs())
    try:
        storable_json({**state.context, **changes})
    except NotStorable as error:
        return ChildrenMoved(step, change, {}, Failure.of(FailureKind.REJECTED, error))
    return ChildrenMoved(step, change, changes)


def blocked_by(definition: Saga, keys: frozenset[str], family_id: int | None) -> list[str]:
    """The locks among `keys` that others hold. The queues stay as they are until this transaction
    ends. Raises `Locked` if the definition says not to wait."""
    if not keys:
        return []
    locks.guard(keys)
    taken = locks.held_by_others(keys, family_id)
    if taken and definition.on_conflict == "fail":
        raise inputs.locked(definition, taken)
    return taken


def gives_locks_back(state: ExecutionState) -> bool:
    """Once it has ended; or if it turned back before it had its locks, and did nothing."""
    has_given_up = state.terms.blocked and state.status not in GOING_FORWARD
    return state.terms.locks and (state.status in TERMINAL or has_given_up)


def _given_back(definition: Saga, name: str, found: list[Output]) -> dict[str, Any]:
    """What completed children add to their parent's context."""
    step = definition.by_name[name]
    if isinstance(step, ForEach):
        return {name: [{key: context[key] for key in wrote} for context, wrote in found]}
    assert isinstance(step, SubSaga), "only these two have children"
    [(context, _)] = found
    return copied(step.output, context)
