"""How a parent hears of its children, and what they share: their locks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

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
from sagas.machine.families import all_completed, has_given_up, who_gave_up
from sagas.machine.states import GOING_FORWARD
from sagas.machine.steps import copied
from sagas.store import children, locks
from sagas.store.children import AtFault
from sagas.store.executions import ExecutionSnapshot

Output = tuple[dict[str, Any], set[str]]
"""A child's context, and the keys that its steps wrote."""

MOST_NAMED: Final = 3
"""Children at fault that a failure names, with their reasons; it is short, see `MESSAGE_LIMIT`."""


class Siblings(Protocol):
    """The children of one step, wherever they stand."""

    def outputs(self) -> list[Output]:
        """Of each, in order."""

    def at_fault(self, most: int) -> AtFault:
        """Those that gave up by themselves; no more than `most` of them are described."""


@dataclass(frozen=True, slots=True)
class _Rows:
    parent_id: int
    step: str

    def outputs(self) -> list[Output]:
        return children.outputs(self.parent_id, self.step)

    def at_fault(self, most: int) -> AtFault:
        return children.at_fault(self.parent_id, self.step, most)


def news(definition: Saga, locked: ExecutionSnapshot) -> Iterator[ChildrenMoved]:
    """What the children have come to since this was last asked."""
    if not any(step.children for step in locked.state.steps.values()):
        return
    for step, change in children.take_outcomes(locked.id).items():
        yield moved(definition, locked.state, step, change, _Rows(locked.id, step))


def moved(
    definition: Saga,
    state: ExecutionState,
    step: str,
    change: Mapping[Outcome, int],
    siblings: Siblings,
) -> ChildrenMoved:
    """The fact that children of `step` came to something; with what they give, once all are
    completed, or who was at fault, once the step gives up."""
    changes: dict[str, Any] = {}
    failure = None
    if all_completed(state, step, change):
        changes = _given_back(definition, step, siblings.outputs())
        try:
            storable_json({**state.context, **changes})
        except NotStorable as error:
            changes, failure = {}, Failure.of(FailureKind.REJECTED, error)
    elif has_given_up(state, step, change):
        failure = who_gave_up(definition, state, step, change, siblings.at_fault(MOST_NAMED))
    return ChildrenMoved(step, change, changes, failure)


def blocked_by(definition: Saga, keys: frozenset[str], family_id: int | None) -> list[str]:
    """The locks among `keys` that others hold. The queues stay as they are until this transaction
    ends. Raises `LockHeld` if the definition says not to wait."""
    if not keys:
        return []
    locks.guard(keys)
    taken = locks.held_by_others(keys, family_id)
    if taken and definition.on_conflict == "fail":
        raise inputs.locked(definition, taken)
    return taken


def gives_locks_back(state: ExecutionState) -> bool:
    """Once it has ended; or if it turned back before it had its locks, and did nothing."""
    has_given_up = state.options.blocked and state.status not in GOING_FORWARD
    return state.options.locks and (state.status in TERMINAL or has_given_up)


def _given_back(definition: Saga, name: str, found: list[Output]) -> dict[str, Any]:
    """What completed children add to their parent's context."""
    step = definition.by_name[name]
    if isinstance(step, ForEach):
        return {name: [{key: context[key] for key in wrote} for context, wrote in found]}
    assert isinstance(step, SubSaga), "only these two have children"
    [(context, _)] = found
    return copied(step.output, context)
