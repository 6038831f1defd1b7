"""Children: how they come to be, and how their parent hears of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagas import inputs
from sagas.errors import BadInput, SagaError
from sagas.listeners import announce_all
from sagas.machine import (
    ChildrenMoved,
    ChildrenRefused,
    Decision,
    Failure,
    FailureKind,
    ForEach,
    Saga,
    Start,
    SubSaga,
    decide,
    wake_at,
)
from sagas.machine import start as begin
from sagas.machine.context import NotStorable, digest, storable_json
from sagas.machine.definition import items_type
from sagas.machine.durations import as_timedelta
from sagas.machine.events import SagaStarted
from sagas.machine.families import all_completed
from sagas.machine.steps import copied
from sagas.models import CHILD_ID_LENGTH
from sagas.registry import registry
from sagas.store import children, insertion, locks
from sagas.store.executions import Locked
from sagas.store.insertion import New


@dataclass(frozen=True, slots=True)
class Newborn:
    """A child that will be there as soon as its parent's row is."""

    definition: Saga
    decision: Decision
    step: str
    number: int
    input: str
    input_digest: str
    keys: frozenset[str]
    children: "list[Newborn]"


def prepare(
    definition: Saga, decision: Decision, family_id: int | None, now: datetime
) -> tuple[Decision, list[Newborn]]:
    """The children that `decision` starts. If some can't be started, the decision that this leads
    to, and not one of them."""
    newborn: list[Newborn] = []
    todo = list(decision.starts)
    while todo:
        start = todo.pop(0)
        try:
            newborn += list(_children(definition, decision, start, family_id, now))
        except SagaError as error:
            failure = Failure.of(FailureKind.REJECTED, error)
            fact = ChildrenRefused(start.step, start.count, failure)
            refused = decide(definition, decision.state, fact, now)
            todo += refused.starts
            decision = decision.then(refused)
    return decision, newborn


def insert(
    newborn: Iterable[Newborn], parent_id: int, root_id: int, owner_id: Any, now: datetime
) -> None:
    """Writes children, and theirs, into the transaction that writes their parent."""
    by_id = {child.decision.state.saga_id: child for child in newborn}
    if not by_id:
        return
    rows = [_row(child, parent_id, root_id, now) for child in by_id.values()]
    born = []
    for saga_id, execution_id in insertion.insert(rows, owner_id, now).items():
        child = by_id[saga_id]
        if child.keys:
            locks.join(execution_id, child.keys, root_id)
        insert(child.children, execution_id, root_id, owner_id, now)
        born.append((execution_id, child.definition, child.decision))
    announce_all(born)


def news(definition: Saga, locked: Locked) -> Iterator[ChildrenMoved]:
    """What the children have come to since this was last asked."""
    if not any(step.children for step in locked.state.steps.values()):
        return
    for step, change in children.take_outcomes(locked.id).items():
        changes: Mapping[str, Any] = {}
        failure = None
        if all_completed(locked.state, step, change):
            changes = _given_back(definition, locked, step)
            try:
                storable_json({**locked.state.context, **changes})
            except NotStorable as error:
                changes, failure = {}, Failure.of(FailureKind.REJECTED, error)
        yield ChildrenMoved(step, change, changes, failure)


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


def _children(
    parent: Saga, decision: Decision, start: Start, family_id: int | None, now: datetime
) -> Iterator[Newborn]:
    step = parent.by_name[start.step]
    for number in range(start.first, start.first + start.count):
        if isinstance(step, ForEach):
            definition = registry.get(items_type(parent.saga_type, step), parent.version)
            context = copied(step.given, decision.state.context)
            context |= {"item": decision.state.context[step.over][number], "index": number}
            suffix = f"{step.name}.{number}"
        else:
            assert isinstance(step, SubSaga), "only these two have children"
            definition = registry.find_or_newest(step.saga_type, step.version)
            given = decision.state.context
            context = dict(given) if step.input is None else copied(step.input, given)
            suffix = step.name
        saga_id = f"{decision.state.saga_id}~{suffix}"
        forward_only = decision.state.terms.forward_only or step.name in parent.after_pivot
        yield _child(definition, saga_id, context, start.step, number, forward_only, family_id, now)


def _child(
    definition: Saga,
    saga_id: str,
    context: dict[str, Any],
    step: str,
    number: int,
    forward_only: bool,
    family_id: int | None,
    now: datetime,
) -> Newborn:
    if len(saga_id) > CHILD_ID_LENGTH:
        raise BadInput({"saga_id": f"{saga_id[:80]}… is too long: sagas are nested too deep."})
    text = inputs.checked_context(definition, context)
    keys = inputs.lock_keys(definition, context)
    blocked = bool(blocked_by(definition, keys, family_id))
    deadline = None if definition.deadline is None else now + as_timedelta(definition.deadline)
    started = SagaStarted(
        saga_id,
        definition.saga_type,
        definition.version,
        context,
        deadline=deadline,
        locks=bool(keys),
        blocked=blocked,
        held=not forward_only,
        forward_only=forward_only,
    )
    decision, grandchildren = prepare(definition, begin(definition, started, now), family_id, now)
    return Newborn(definition, decision, step, number, text, digest(context), keys, grandchildren)


def _row(child: Newborn, parent_id: int, root_id: int, now: datetime) -> New:
    return New(
        child.decision.state.saga_id,
        child.input,
        child.input_digest,
        child.decision,
        child.definition.digest,
        wake_at(child.decision.state, now, 0),
        parent_id=parent_id,
        parent_step=child.step,
        number=child.number,
        root_id=root_id,
    )


def _given_back(definition: Saga, locked: Locked, name: str) -> dict[str, Any]:
    """What completed children add to their parent's context."""
    step = definition.by_name[name]
    found = children.outputs(locked.id, name)
    if isinstance(step, ForEach):
        return {name: [{key: context[key] for key in wrote} for context, wrote in found]}
    assert isinstance(step, SubSaga), "only these two have children"
    [(context, _)] = found
    return copied(step.output, context)
