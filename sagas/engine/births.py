"""Children at their birth, in the transaction that starts them.

Nobody else knows of them before it commits. So whatever they come to by then is heard by their
parent, and whatever their parent tells them is obeyed, here and in memory, until nothing more
follows (L4). What is written is where the whole family then stands.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sagas import inputs
from sagas.engine import family
from sagas.errors import BadInput, SagaError
from sagas.listeners import announce_all
from sagas.machine import (
    ChildrenRefused,
    Decision,
    ExecutionState,
    Fact,
    Failure,
    FailureKind,
    ForEach,
    Outcome,
    ParentCommanded,
    Saga,
    Start,
    SubSaga,
    decide,
    outcome,
    wake_at,
)
from sagas.machine import start as begin
from sagas.machine.context import digest
from sagas.machine.definition import items_type
from sagas.machine.events import SagaCompensating, SagaStarted
from sagas.machine.failures import MESSAGE_LIMIT
from sagas.machine.operate import BY_PARENT
from sagas.machine.parameters import as_timedelta
from sagas.machine.steps import copied
from sagas.models import CHILD_ID_LENGTH
from sagas.registry import registry
from sagas.store import insertion, locks
from sagas.store.children import AtFault
from sagas.store.insertion import NewExecution
from sagas.validation import lock_keys


@dataclass(slots=True)
class PreparedStart:
    """An execution whose decision is not saved yet, and the children that are born with it."""

    definition: Saga
    decision: Decision
    family_id: int | None
    now: datetime
    born: "list[ChildStart]" = field(default_factory=list)
    starts_done: int = 0
    tells_done: int = 0

    @property
    def state(self) -> ExecutionState:
        return self.decision.state

    def take(self, fact: Fact) -> None:
        """Decides what follows from `fact`, as part of the same decision."""
        found = decide(self.definition, self.state, fact, self.now)
        if found.events:
            self.decision = self.decision.then(found)


@dataclass(slots=True)
class ChildStart:
    """A child that will be there as soon as its parent's row is."""

    begun: PreparedStart
    step: str
    number: int
    input: str
    input_digest: str
    keys: frozenset[str]
    heard: Outcome | None = None
    """What its parent has heard that it came to."""

    @property
    def outcome(self) -> Outcome | None:
        return outcome(self.begun.definition, self.begun.state)

    @property
    def has_news(self) -> bool:
        return self.outcome not in (None, self.heard)


def prepare(
    definition: Saga, decision: Decision, family_id: int | None, now: datetime
) -> tuple[Decision, list[ChildStart]]:
    """The children that `decision` starts, and the decision that this leads to: some may be
    refused, and some may have come to something already."""
    begun = PreparedStart(definition, decision, family_id, now)
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
    return True


def _tell_next(begun: PreparedStart) -> bool:
    """Whether there was an order left; those who are older find it in their rows."""
    if begun.tells_done == len(begun.decision.tells):
        return False
    tell = begun.decision.tells[begun.tells_done]
    begun.tells_done += 1
    for child in begun.born:
        if tell.step in (None, child.step):
            child.begun.take(ParentCommanded(tell.order))
            _settle(child.begun)
    return True


def _hear_next(begun: PreparedStart) -> bool:
    """Whether the children of a step had come to anything new."""
    step = next((child.step for child in begun.born if child.has_news), None)
    if step is None:
        return False
    siblings = [child for child in begun.born if child.step == step]
    change: Counter[Outcome] = Counter()
    for child in siblings:
        if child.has_news:
            change.update(filter(None, [child.outcome]))
            change.subtract(filter(None, [child.heard]))
            child.heard = child.outcome
    # Only a sub-saga, the one child of its step, comes to an end so soon: an item has a step that
    # is for a worker. So these are all the children of `step`.
    begun.take(family.moved(begun.definition, begun.state, step, change, _Siblings(siblings)))
    return True


@dataclass(frozen=True, slots=True)
class _Siblings:
    born: list[ChildStart]

    def outputs(self) -> list[family.Output]:
        states = [child.begun.state for child in self.born]
        return [
            (dict(state.context), {key for step in state.steps.values() for key in step.wrote})
            for state in states
        ]

    def at_fault(self, most: int) -> AtFault:
        found = [
            (child.number, recorded.event)
            for child in self.born
            for recorded in child.begun.decision.events
            if isinstance(recorded.event, SagaCompensating) and recorded.event.because != BY_PARENT
        ]
        return len(found), found[:most]


def _children(parent: PreparedStart, start: Start) -> Iterator[ChildStart]:
    definition, state = parent.definition, parent.state
    step = definition.by_name[start.step]
    forward_only = state.options.forward_only or step.name in definition.after_pivot
    for number in range(start.first, start.first + start.count):
        if isinstance(step, ForEach):
            of_child = registry.get(items_type(definition.saga_type, step), definition.version)
            context = copied(step.given, state.context)
            context |= {"item": state.context[step.over][number], "index": number}
            suffix = f"{step.name}.{number}"
        else:
            assert isinstance(step, SubSaga), "only these two have children"
            of_child = registry.find_or_newest(step.saga_type, step.version)
            given = state.context
            context = dict(given) if step.input is None else copied(step.input, given)
            suffix = step.name
        text, keys = inputs.checked_context(of_child, context), lock_keys(of_child, context)
        saga_id = f"{state.saga_id}~{suffix}"
        begun = _begin(parent, of_child, saga_id, context, keys, forward_only=forward_only)
        yield ChildStart(begun, step.name, number, text, digest(context), keys)


def _begin(
    parent: PreparedStart,
    definition: Saga,
    saga_id: str,
    context: dict[str, Any],
    keys: frozenset[str],
    *,
    forward_only: bool,
) -> PreparedStart:
    if len(saga_id) > CHILD_ID_LENGTH:
        raise BadInput({"saga_id": f"{saga_id[:80]}… is too long: sagas are nested too deep."})
    now = parent.now
    started = SagaStarted(
        saga_id,
        definition.saga_type,
        definition.version,
        context,
        deadline=None if definition.deadline is None else now + as_timedelta(definition.deadline),
        locks=bool(keys),
        blocked=bool(family.blocked_by(definition, keys, parent.family_id)),
        held=not forward_only,
        forward_only=forward_only,
    )
    begun = PreparedStart(definition, begin(definition, started, now), parent.family_id, now)
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
