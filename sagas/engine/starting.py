"""How an execution comes to be."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from sagas import inputs
from sagas.engine import family
from sagas.errors import Conflict
from sagas.listeners import announce
from sagas.machine import ExecutionStatus, Saga, wake_at
from sagas.machine import start as begin
from sagas.machine.durations import as_timedelta
from sagas.machine.events import SagaStarted
from sagas.registry import registry
from sagas.store import executions, locks
from sagas.store.executions import Found, New


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
    owner_id: int | None = None,
    start_at: datetime | None = None,
    deadline: datetime | None = None,
    tags: Iterable[str] = (),
) -> Started:
    """A new execution, inside the caller's own transaction if there is one.

    The same `saga_id` with the same type, input and owner gives the execution that there is
    (S11). Without one an id is made. `version` defaults to the newest that is known. No step
    starts before `start_at`; past `deadline` (by default the definition's, counted from now or
    from `start_at`) the saga turns back. Both are aware datetimes. `tags` are what it is found by
    again; they are no part of its input, and those of a repeated start are not looked at.

    Raises `UnknownSaga`, `BadInput` (with the fields), `Conflict` if the saga_id is taken, and
    `Locked` if a lock is, and the definition says not to wait.
    """
    definition = registry.find_or_newest(saga_type, version)
    if saga_id is None:
        saga_id = str(uuid.uuid4())
    digest = inputs.checked(definition, saga_id, context)
    keys = inputs.lock_keys(definition, context)
    inputs.checked_moment("start_at", start_at)
    inputs.checked_moment("deadline", deadline)
    tags = inputs.checked_tags(tags)
    now = executions.now()
    deadline = deadline or _own_deadline(definition, max(now, start_at or now))
    with transaction.atomic():
        found = executions.find(saga_id) if keys else None
        while found is None:
            started = SagaStarted(
                saga_id,
                definition.saga_type,
                definition.version,
                dict(context),
                start_at,
                deadline,
                locks=bool(keys),
                blocked=bool(family.blocked_by(definition, keys, None)),
            )
            execution_id = _insert(definition, started, keys, digest, owner_id, now, tags)
            if execution_id is not None:
                return Started(execution_id, saga_id, ExecutionStatus.PENDING, created=True)
            found = executions.find(saga_id)  # None if the old one was deleted just then
    return _started_before(found, (saga_type, digest, owner_id), saga_id)


def _own_deadline(definition: Saga, begins_at: datetime) -> datetime | None:
    return None if definition.deadline is None else begins_at + as_timedelta(definition.deadline)


def _insert(
    definition: Saga,
    started: SagaStarted,
    keys: frozenset[str],
    digest: str,
    owner_id: int | None,
    now: datetime,
    tags: tuple[str, ...],
) -> int | None:
    """The new execution's id, with all that it begins with; None if its saga_id is taken."""
    decision = begin(definition, started, now)
    decision, newborn = family.prepare(definition, decision, None, now)
    wake = wake_at(decision.state, now, 0)
    new = New(decision, digest, definition.digest, wake, tags=tags)
    ids = executions.insert([new], owner_id, now)
    if not ids:
        return None
    execution_id = ids[started.saga_id]
    if keys:
        locks.join(execution_id, keys, execution_id)
    family.insert(newborn, execution_id, execution_id, owner_id, now)
    announce(execution_id, definition, decision)
    return execution_id


def _started_before(found: Found, wanted: tuple[str, str, int | None], saga_id: str) -> Started:
    if (found.saga_type, found.input_digest, found.owner_id) != wanted:
        raise Conflict(
            f"saga_id {saga_id!r} is taken by an execution of another type, input or owner. "
            f"Choose another id, or send the same request again."
        )
    return Started(found.id, saga_id, ExecutionStatus(found.status), created=False)
