"""Children at their birth, in the transaction that starts them.

Nobody else knows of them before it commits. So whatever they come to by then is heard by their
parent, and whatever their parent tells them is obeyed, here and in memory, until nothing more
follows (L4). What is written is where the whole family then stands.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from sagas import inputs
from sagas.engine import family, tasks
from sagas.engine.newborn import ChildStart, PreparedStart, Siblings
from sagas.errors import BadInput, LockHeld, SagaError
from sagas.listeners import announce_all
from sagas.machine import (
    ChildrenRefused,
    Decision,
    Failure,
    FailureKind,
    ForEach,
    Outcome,
    ParentCommanded,
    Repeat,
    Saga,
    Signal,
    Start,
    SubSaga,
    wake_at,
)
from sagas.machine import start as begin
from sagas.machine.added_items import items_of
from sagas.machine.context import digest, fitting_json
from sagas.machine.copying import copied
from sagas.machine.decision import is_past_pivot
from sagas.machine.definition import items_type
from sagas.machine.events import SagaStarted
from sagas.machine.failures import MESSAGE_LIMIT
from sagas.machine.family_steps import Step, defines_children, tolerates
from sagas.machine.parameters import as_timedelta
from sagas.models import CHILD_ID_LENGTH
from sagas.registry import registry
from sagas.store import insertion, locks
from sagas.store.insertion import NewExecution
from sagas.validation import lock_keys


def prepare(
    definition: Saga,
    decision: Decision,
    family_id: int | None,
    now: datetime,
    execution_id: int | None = None,
    named: dict[str, int] | None = None,
) -> tuple[Decision, list[ChildStart]]:
    """The children that `decision` starts, and the decision that this leads to: some may be
    refused, and some may have come to something already. `execution_id` is that of a parent which
    is there already. `named` are the names that the family has asked for in this transaction, see
    `family.is_blocked`."""
    asked = {} if named is None else named
    begun = PreparedStart(definition, decision, family_id, now, asked, execution_id)
    _settle(begun)
    return begun.decision, begun.born


def insert(
    newborn: Iterable[ChildStart], parent_id: int, root_id: int, owner_id: Any, now: datetime
) -> None:
    """Writes children, and theirs, into the transaction that writes their parent."""
    by_id = {child.begun.state.saga_id: child for child in newborn}
    if not by_id:
        return
    rows = [_row(child, parent_id, root_id, now) for child in by_id.values()]
    born = []
    for saga_id, execution_id in insertion.insert(rows, owner_id, now).items():
        child = by_id[saga_id]
        if child.keys and not family.gives_locks_back(child.begun.state):
            locks.join(execution_id, child.keys, root_id)
        insert(child.begun.born, execution_id, root_id, owner_id, now)
        born.append((execution_id, child.begun.definition, child.begun.decision))
    tasks.write_new([(id_, each, decision.state) for id_, each, decision in born], now)
    announce_all(born)


def _settle(begun: PreparedStart) -> None:
    while _start_next(begun) or _tell_next(begun) or _hear_next(begun):
        pass


def _start_next(begun: PreparedStart) -> bool:
    """Whether there were children left to be started."""
    if begun.starts_done == len(begun.decision.starts):
        return False
    start = begun.decision.starts[begun.starts_done]
    begun.starts_done += 1
    born: list[ChildStart] = []
    try:
        for child in _children(begun, start):
            born.append(child)
    except SagaError as error:
        failure = Failure.of(FailureKind.REJECTED, error)
        if isinstance(begun.definition.by_name[start.step], ForEach):
            message = f"Item {start.first + len(born)} could not begin: {failure.message}"
            failure = Failure(failure.kind, failure.error, message[:MESSAGE_LIMIT])
        begun.take(ChildrenRefused(start.step, start.count, failure))
    else:
        begun.born += born
        begun.stirred += born
    return True


def _tell_next(begun: PreparedStart) -> bool:
    """Whether there was a command left; those who are older find it in their rows."""
    if begun.commands_done == len(begun.decision.child_commands):
        return False
    given = begun.decision.child_commands[begun.commands_done]
    begun.commands_done += 1
    for child in begun.born:
        if given.step in (None, child.step) and given.number in (None, child.number):
            child.begun.take(ParentCommanded(given.command))
            _settle(child.begun)
            begun.stirred.append(child)
    return True


def _hear_next(begun: PreparedStart) -> bool:
    """Whether the children of a step had come to anything new."""
    step = next((child.step for child in begun.stirred if child.has_news), None)
    if step is None:
        begun.stirred.clear()
        return False
    change: Counter[Outcome] = Counter()
    for child in begun.stirred:
        if child.step == step and child.has_news:
            change.update(filter(None, [child.outcome]))
            change.subtract(filter(None, [child.heard]))
            child.heard = child.outcome
    begun.stirred = [child for child in begun.stirred if child.step != step]
    older = None if begun.execution_id is None else family.Rows(begun.execution_id, step)
    siblings = Siblings(older, begun.born, step)
    begun.take(family.moved(begun.definition, begun.state, step, change, siblings))
    return True


def _children(parent: PreparedStart, start: Start) -> Iterator[ChildStart]:
    definition, state = parent.definition, parent.state
    step = definition.by_name[start.step]
    forward_only = state.options.forward_only or is_past_pivot(definition, state)
    of_child = _definition_of_children(definition, step)
    items = items_of(step, state) if isinstance(step, ForEach) else None
    for number in range(start.first, start.first + start.count):
        if isinstance(step, ForEach):
            assert items is not None, "what is no list has no items to start"
            context = copied(step.given, state.context)
            context |= {"item": items[number], "index": number}
            suffix = f"{step.name}.{number}"
        elif isinstance(step, Repeat):
            context = {**state.context, "round": number + 1}
            suffix = f"{step.name}.{number + 1}"
        else:
            assert isinstance(step, SubSaga), "only these three have children"
            given = state.context
            context = dict(given) if step.input is None else copied(step.input, given)
            suffix = step.name
        saga_id = f"{state.saga_id}~{suffix}"
        started = _start_of(parent, of_child, saga_id, context, forward_only=forward_only)
        try:
            text, keys = inputs.checked_context(of_child, context), lock_keys(of_child, context)
            begun = _begin(parent, of_child, started, keys, early=start.signals)
        except (BadInput, LockHeld) as error:
            if not tolerates(step):
                raise
            why = Failure.of(FailureKind.REJECTED, error)
            text, keys = fitting_json(context), {}
            begun = _begin(parent, of_child, started, keys, refused=why)
        yield ChildStart(begun, step.name, number, text, digest(context), keys)


def _definition_of_children(parent: Saga, step: Step) -> Saga:
    """Raises `UnknownSaga`, and `BadInput` for one that would start itself again."""
    if defines_children(step):
        return registry.get(items_type(parent.saga_type, step), parent.version)
    assert isinstance(step, SubSaga | ForEach), "only these two name a saga"
    return registry.find_or_newest(step.saga_type, step.version)


def _start_of(
    parent: PreparedStart,
    definition: Saga,
    saga_id: str,
    context: dict[str, Any],
    *,
    forward_only: bool,
) -> SagaStarted:
    if len(saga_id) > CHILD_ID_LENGTH:
        raise BadInput({"saga_id": f"{saga_id[:80]}… is too long: sagas are nested too deeply."})
    limit = definition.deadline
    return SagaStarted(
        saga_id,
        definition.saga_type,
        definition.version,
        context,
        deadline=None if limit is None else parent.now + as_timedelta(limit),
        held=not forward_only,
        forward_only=forward_only,
    )


def _begin(
    parent: PreparedStart,
    definition: Saga,
    started: SagaStarted,
    keys: dict[str, int],
    *,
    refused: Failure | None = None,
    early: Iterable[Signal] = (),
) -> PreparedStart:
    """A child with those locks and limits. One that was `refused` turns back before it begins."""
    blocked = family.is_blocked(definition, keys, parent.family_id, parent.named)
    started = replace(started, locks=bool(keys), blocked=blocked)
    first = begin(definition, started, parent.now, refused, early)
    begun = PreparedStart(definition, first, parent.family_id, parent.now, parent.named)
    _settle(begun)
    return begun


def _row(child: ChildStart, parent_id: int, root_id: int, now: datetime) -> NewExecution:
    begun = child.begun
    return NewExecution(
        begun.state.saga_id,
        child.input,
        child.input_digest,
        begun.decision,
        begun.definition.digest,
        wake_at(begun.state, now, 0),
        parent_id=parent_id,
        parent_step=child.step,
        number=child.number,
        root_id=root_id,
        outcome="" if child.heard is None else child.heard.value,
    )
