"""How a parent hears of its children, and what they share: their locks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sagas import inputs
from sagas.engine import deadlocks
from sagas.machine import (
    TERMINAL,
    ChildrenMoved,
    Deadlocked,
    ExecutionState,
    Failure,
    FailureKind,
    ForEach,
    Outcome,
    Repeat,
    Saga,
    SubSaga,
    Unblocked,
)
from sagas.machine.added_items import added
from sagas.machine.context import NotStorable, difference, storable_json
from sagas.machine.copying import copied
from sagas.machine.events import SagaCompensating
from sagas.machine.family_steps import FAILED_ITEM, tolerates
from sagas.machine.outcomes import completes, gives_up, of_item, who_gave_up, without
from sagas.machine.states import GOING_FORWARD
from sagas.store import children, locks
from sagas.store.children import AtFault, Output, Result
from sagas.store.executions import ExecutionSnapshot

MOST_NAMED: Final = 3
"""Children at fault that a failure names, with their reasons; it is short, see `MESSAGE_LIMIT`."""


class Siblings(Protocol):
    """The children of one step, wherever they stand."""

    def outputs(self) -> list[Output]:
        """Of each, in order."""

    def results(self) -> list[Result]:
        """Of each, in order, of which some may not have completed."""

    def before_and_after(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """The context that this child began with, and the one that it has."""

    def at_fault(self, most: int) -> AtFault:
        """Those that gave up by themselves; no more than `most` of them are described."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Those of one parent that are in the database."""

    parent_id: int
    step: str

    def outputs(self) -> list[Output]:
        return children.outputs(self.parent_id, self.step)

    def results(self) -> list[Result]:
        return children.results(self.parent_id, self.step)

    def before_and_after(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        return children.before_and_after(self.parent_id, self.step, number)

    def at_fault(self, most: int) -> AtFault:
        return children.at_fault(self.parent_id, self.step, most)


def news(definition: Saga, locked: ExecutionSnapshot) -> Iterator[ChildrenMoved]:
    """What the children have come to since this was last asked."""
    if not any(step.children for step in locked.state.steps.values()):
        return
    for step, change in children.take_outcomes(locked.id).items():
        yield moved(definition, locked.state, step, change, Rows(locked.id, step))


def moved(
    definition: Saga,
    state: ExecutionState,
    step: str,
    change: Mapping[Outcome, int],
    siblings: Siblings,
) -> ChildrenMoved:
    """The fact that children of `step` came to something; with what they give, once it is
    complete, or who was at fault, once it gives up."""
    changes: dict[str, Any] = {}
    failure = None
    if completes(definition, state, step, change):
        try:
            changes = _given_back(definition, state, step, siblings)
            known = definition.by_name[step]
            grown = added(known, state) if isinstance(known, ForEach) else {}
            storable_json({**with_collected(state), **grown, **changes})
        except NotStorable as error:
            changes, failure = {}, Failure.of(FailureKind.REJECTED, error)
    elif gives_up(definition, state, step, change):
        failure = who_gave_up(definition, state, step, change, siblings.at_fault(MOST_NAMED))
    return ChildrenMoved(step, change, changes, failure)


def with_collected(state: ExecutionState) -> Mapping[str, Any]:
    """The context, and the signals that will be in it."""
    collected = state.options.collected
    return {**state.context, **collected} if collected else state.context


def is_blocked(
    definition: Saga, limits: Mapping[str, int], family_id: int | None, named: dict[str, int]
) -> bool:
    """Whether one has to wait for a name that others hold: key → the number that may hold it. The
    queues stay as they are until this transaction ends. `named` are those that its family has named
    in this transaction, and is told of more.

    Raises `LockHeld` if the definition says not to wait, and `BadInput` for a number that its
    family does not keep to.
    """
    if not limits:
        return False
    locks.guard(limits)
    found = locks.ask({key: named.get(key, most) for key, most in limits.items()}, family_id)
    for each in found:
        if limits[each.key] < each.most:
            raise inputs.stricter_than_family(definition, each.key, limits[each.key], each.most)
    taken = {each.key: each.most for each in found if each.waits}
    if taken and definition.on_conflict == "fail":
        raise inputs.locked(definition, taken)
    named |= {each.key: each.most for each in found}
    return bool(taken)


def look_at_locks(locked: ExecutionSnapshot) -> Unblocked | Deadlocked | None:
    """What has come of one that waits for names; None if it has to wait on."""
    standing = locks.standing(locked.family_id)
    if not any(each.waits for each in standing if each.execution_id == locked.id):
        return Unblocked()
    is_waited_for = any(each.is_followed and not each.waits for each in standing)
    if not is_waited_for or not locks.may_wait_for_itself(locked.family_id):
        return None
    saga_id = locked.state.saga_id
    if cycle := deadlocks.cycle(locks.linked(locked.family_id), saga_id):
        # One after the other: somebody else in it may be giving way just now.
        locks.guard({*cycle, *locks.keys_of(locked.id)})
        cycle = deadlocks.cycle(locks.linked(locked.family_id), saga_id)
    if not cycle:
        return None
    message = f"Sagas wait for each other's locks in a cycle: {', '.join(cycle)}."
    return Deadlocked(Failure(FailureKind.REJECTED, "Deadlock", message))


def gives_locks_back(state: ExecutionState) -> bool:
    """Once it has ended; or if it turned back before it had its locks, and did nothing."""
    has_given_up = state.options.blocked and state.status not in GOING_FORWARD
    return state.options.locks and (state.status in TERMINAL or has_given_up)


def _given_back(
    definition: Saga, state: ExecutionState, name: str, siblings: Siblings
) -> dict[str, Any]:
    """What children add to their parent's context. Raises `NotStorable`."""
    step, children = definition.by_name[name], state.step(name).children
    assert children is not None, "a family has children"
    if isinstance(step, ForEach):
        if tolerates(step):
            return _partly_given_back(step, state, siblings.results())
        return {name: [_result(step, *output) for output in siblings.outputs()]}
    if isinstance(step, Repeat):
        # Not what its steps wrote: a race or a person may have changed it, too.
        return difference(*siblings.before_and_after(children.started - 1))
    assert isinstance(step, SubSaga), "only these three have children"
    [(context, _)] = siblings.outputs()
    return copied(step.output, context)


def _partly_given_back(step: ForEach, state: ExecutionState, found: list[Result]) -> dict[str, Any]:
    """The results of items, some of which gave up, were withdrawn, or were not started."""
    given: list[Any] = []
    for number, each in enumerate(found):
        if isinstance(each, SagaCompensating):
            given.append({FAILED_ITEM: of_item(each)})
        elif each is None:
            given.append(None)
        elif FAILED_ITEM in (result := _result(step, *each)):
            why = "It is the key of an item that gave up: name the result otherwise."
            raise NotStorable(f"{step.name}.{number}.{FAILED_ITEM}", why)
        else:
            given.append(result)
    children = state.step(step.name).children
    assert children is not None, "a step of children has them"
    changes: dict[str, Any] = {step.name: [*given, *[None] * (children.total - len(given))]}
    lost = [(n, each) for n, each in enumerate(found) if isinstance(each, SagaCompensating)]
    if lost and step.on_failure == "continue":
        changes[f"{step.name}_failed"] = without(children.total, lost, MOST_NAMED)
    return changes


def _result(step: ForEach, context: Mapping[str, Any], wrote: Iterable[str]) -> dict[str, Any]:
    """What one item gives back."""
    if step.action is None:
        return copied(step.output, context)
    return {key: context[key] for key in wrote}
