"""How an execution comes to be: one, or thousands at once."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from sagas import inputs, users
from sagas.engine import births, family, tasks
from sagas.engine.newborn import ChildStart
from sagas.errors import Conflict, LockHeld
from sagas.inputs import NewSaga, Wanted
from sagas.listeners import announce_all
from sagas.machine import Decision, ExecutionStatus, Saga, wake_at
from sagas.machine import start as begin
from sagas.machine.events import SagaStarted
from sagas.machine.family_steps import Family
from sagas.machine.parameters import as_timedelta
from sagas.registry import registry
from sagas.store import clock, executions, insertion, locks, recovery
from sagas.store.executions import ExecutionKey
from sagas.store.insertion import NewExecution


@dataclass(frozen=True, slots=True)
class Started:
    """`created` is False if the same start was made before."""

    execution_id: int
    saga_id: str
    status: ExecutionStatus
    created: bool


def start(
    saga_type: str,
    context: Mapping[str, Any],
    *,
    saga_id: str | None = None,
    version: int | None = None,
    owner_id: Any = None,
    start_at: datetime | None = None,
    deadline: datetime | None = None,
    tags: Iterable[str] = (),
) -> Started:
    """Starts a new execution, inside the caller's own transaction if there is one.

    The same `saga_id` with the same type, input and owner returns the existing execution (S11).
    Without a `saga_id`, an id is generated. `version` defaults to the newest known version. No
    step starts before `start_at`. If `deadline` passes (by default the definition's, counted from
    now or from `start_at`), the saga turns back. Both are aware datetimes. `owner_id` is a user's
    `pk`. `tags` are labels for finding it; they are not part of its input, and a repeated start
    ignores them.

    Raises `UnknownSaga`, `BadInput` (with the fields), `Conflict` if the saga_id is taken, and
    `LockHeld` if a lock is taken and the definition says not to wait. If the database session
    ends, the start is repeated over another one (R22), except inside a transaction of the caller,
    which is lost with its session.
    """
    definition = registry.find_or_newest(saga_type, version)
    wanted = inputs.wanted(definition, NewSaga(context, saga_id, start_at, deadline, tags))
    return _start_one(definition, wanted, users.stored_key(owner_id))


def start_many(
    saga_type: str,
    sagas: Sequence[NewSaga],
    *,
    version: int | None = None,
    owner_id: Any = None,
) -> list[Started]:
    """Starts all of `sagas`, each as `start` would, in their order; or none, if one is refused.

    At most `inputs.MOST_STARTS` are allowed, with contexts of `inputs.MOST_INPUT` characters in
    total. It takes as many statements as one start does. Only executions of definitions with locks
    or with steps made of other sagas are written one by one, in the same transaction.

    Raises what `start` does. The `fields` of `BadInput`, `Conflict` and `LockHeld` name each
    invalid entry by its position, from 0: `sagas.3.saga_id`.
    """
    definition = registry.find_or_newest(saga_type, version)
    return _start_all(definition, inputs.all_wanted(definition, sagas), users.stored_key(owner_id))


@recovery.repeated
def _start_one(definition: Saga, wanted: Wanted, owner_id: Any) -> Started:
    with _transaction(definition):
        [found] = start_within(definition, [wanted], owner_id)
        if isinstance(found, Conflict):
            raise found
    return found


@recovery.repeated
def _start_all(definition: Saga, wanted: Sequence[Wanted], owner_id: Any) -> list[Started]:
    with transaction.atomic():
        found = start_within(definition, wanted, owner_id)
        if refused := {n: each for n, each in enumerate(found) if isinstance(each, Conflict)}:
            raise _as_one(refused)
    return [each for each in found if isinstance(each, Started)]


def _as_one(refused: Mapping[int, Conflict]) -> Conflict:
    kind = LockHeld if all(isinstance(each, LockHeld) for each in refused.values()) else Conflict
    fields = {f"sagas.{number}.saga_id": str(error) for number, error in refused.items()}
    first = "; ".join(f"sagas.{number}: {error}" for number, error in [*refused.items()][:3])
    return kind(f"Nothing was started: {len(refused)} of the sagas were refused. {first}", fields)


def _is_plain(definition: Saga) -> bool:
    """Whether its executions are rows and events that one statement writes, and begin alike
    whatever is in their contexts: nothing else looks at these so early."""
    has_children = any(isinstance(step, Family) for step in definition.by_name.values())
    waits_for_nobody = not definition.may_wait_for_others
    return waits_for_nobody and definition.begins_alike and not has_children


def _transaction(definition: Saga) -> AbstractContextManager[object]:
    """What a single start needs around its statements: one that writes is a transaction itself."""
    return nullcontext() if _is_plain(definition) else transaction.atomic()


def start_within(
    definition: Saga, wanted: Sequence[Wanted], owner_id: Any
) -> list[Started | Conflict]:
    """Starts each in the caller's transaction, which has to be undone where one is refused; what
    became of each.

    They are written in the order of their saga_ids: two calls that have some in common wait for
    each other one way round, and not in a cycle.
    """
    first = {each.saga_id: each for each in reversed(wanted)}
    todo = [first[saga_id] for saga_id in sorted(first)]
    became: dict[str, tuple[ExecutionKey, bool] | LockHeld] = {}
    for part in [todo] if _is_plain(definition) else [[each] for each in todo]:
        try:
            became |= _insert_or_find(definition, part, owner_id)
        except LockHeld as error:
            became[part[0].saga_id] = error
    answers: list[Started | Conflict] = []
    for each in wanted:
        there = became[each.saga_id]
        if isinstance(there, LockHeld):
            answers.append(there)
        else:
            found, is_new = there
            answers.append(_answer(definition, each, owner_id, found, is_new))
            became[each.saga_id] = found, False  # to those who repeat it
    return answers


def _insert_or_find(
    definition: Saga, wanted: Sequence[Wanted], owner_id: Any
) -> dict[str, tuple[ExecutionKey, bool]]:
    """saga_id → the execution that has it now, and whether it is a new one."""
    left = {each.saga_id: each for each in wanted}
    became: dict[str, tuple[ExecutionKey, bool]] = {}

    def find() -> None:
        found = executions.find(*left)
        became.update((saga_id, (there, False)) for saga_id, there in found.items())

    if definition.may_wait_for_others:
        find()  # a repeated start must not be refused by the lock that it holds itself
    while left := {name: each for name, each in left.items() if name not in became}:
        new = _insert(definition, left.values(), owner_id)
        became |= {saga_id: (there, True) for saga_id, there in new.items()}
        if left := {name: each for name, each in left.items() if name not in new}:
            find()  # not all, if one was deleted just then
    return became


def _insert(definition: Saga, wanted: Iterable[Wanted], owner_id: Any) -> dict[str, ExecutionKey]:
    """New executions, with all that they begin with; without those whose saga_id is taken. They
    are one, or of a plain definition. None at all, if what was known of the clock was wrong."""
    known = clock.known()
    now = known or clock.ask()
    alike: dict[object, tuple[Decision, list[ChildStart]]] = {}
    rows, begun = [], {}
    for each in wanted:
        options = (each.start_at, each.deadline)
        if options not in alike:
            alike[options] = _begin(definition, each, now)
        first, newborn = alike[options]
        begun[each.saga_id] = each, first, newborn
        rows.append(_row(definition, each, first, now))
    inserted = insertion.insert(rows, owner_id, now, is_sure=known is None)
    if len(inserted) < len(rows):
        clock.forget()
    new, made = {}, []
    for saga_id, execution_id in inserted.items():
        each, first, newborn = begun[saga_id]
        if each.keys and not family.gives_locks_back(first.state):
            locks.join(execution_id, each.keys, execution_id)
        births.insert(newborn, execution_id, execution_id, owner_id, now)
        made.append((execution_id, definition, _own(first, each)))
        status = first.state.status
        new[saga_id] = ExecutionKey(
            execution_id, definition.saga_type, status, each.digest, owner_id
        )
    tasks.write_new([(id_, each, first.state) for id_, each, first in made], now)
    announce_all(made)
    return new


def _own(first: Decision, wanted: Wanted) -> Decision:
    """The decision of `wanted`, out of that of one which began alike: but for its events."""
    if first.state.saga_id == wanted.saga_id:
        return first
    return replace(
        first, state=replace(first.state, saga_id=wanted.saga_id, context=wanted.context)
    )


def _begin(definition: Saga, wanted: Wanted, now: datetime) -> tuple[Decision, list[ChildStart]]:
    deadline = wanted.deadline
    if deadline is None and definition.deadline is not None:
        begins_at = now if wanted.start_at is None else max(now, wanted.start_at)
        deadline = begins_at + as_timedelta(definition.deadline)
    named: dict[str, int] = {}
    started = SagaStarted(
        wanted.saga_id,
        definition.saga_type,
        definition.version,
        wanted.context,
        wanted.start_at,
        deadline,
        locks=bool(wanted.keys),
        blocked=family.is_blocked(definition, wanted.keys, None, named),
    )
    return births.prepare(definition, begin(definition, started, now), None, now, named=named)


def _row(definition: Saga, wanted: Wanted, first: Decision, now: datetime) -> NewExecution:
    return NewExecution(
        wanted.saga_id,
        wanted.text,
        wanted.digest,
        first,
        definition.digest,
        wake_at(first.state, now, 0),
        wanted.tags,
    )


def _answer(
    definition: Saga, wanted: Wanted, owner_id: Any, found: ExecutionKey, is_new: bool
) -> Started | Conflict:
    there = (found.saga_type, found.input_digest, found.owner_id)
    if there != (definition.saga_type, wanted.digest, owner_id):
        return Conflict(
            f"saga_id {wanted.saga_id!r} is taken by an execution of another type, input or "
            f"owner. Choose another id, or send the same request again."
        )
    return Started(found.id, wanted.saga_id, ExecutionStatus(found.status), is_new)
