"""The tasks that wait for a person, the most urgent first, a page at a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import BooleanField, Case, F, Func, Q, QuerySet, Value, When
from django.db.models.functions import Now

from sagas.access import Asker, policy
from sagas.access.tasks import kinds
from sagas.errors import BadInput
from sagas.machine import Saga, WaitFor
from sagas.machine.tasks import LONGEST_LOGIN, is_login
from sagas.models import SagaExecution, SagaTask
from sagas.moments import aware, from_number, to_number
from sagas.queries.lists import SAGA_TYPE
from sagas.registry import registry

_CURSOR: Final = re.compile(r"(-?[0-9]{1,18})?\.([0-9]{1,18})")
"""The due date and the number of the last task of a page."""

_LATE: Final = Case(When(due_at__lt=Now(), then=Value(True)), default=Value(False))

_IS_WAITING: Final = Func(
    # Older code beside this one may end a wait, and knows nothing of tasks (R15).
    F("execution__current_steps"),
    F("step"),
    template="(%(expressions)s)",
    arg_joiner=" ? ",
    output_field=BooleanField(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Conditions for tasks; None means no condition."""

    assignee: str | None = None
    """A login."""
    late: bool | None = None
    permission: str | None = None
    """That its wait asks for."""
    saga_type: str | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Request the next page with `next_after`; it is None if there is none."""

    tasks: Sequence[dict[str, Any]]
    next_after: str | None


def tasks(
    wanted: TaskFilter, user: Asker, *, after: str | None = None, limit: int = 50
) -> TaskPage:
    """The tasks that match and that `user` may do, in the order in which they are due; those that
    never are come last: one statement, which reads no other executions. Raises `BadInput`."""
    found = _matching(wanted, user)
    if after is not None:
        found = found.filter(_beyond(after))
    rows = list(found.annotate(late=_LATE).order_by("due_at", "id")[: limit + 1])
    next_after = _cursor(rows[limit - 1]) if len(rows) > limit else None
    return TaskPage([_with_saga(row) for row in rows[:limit]], next_after)


def tasks_of(found: SagaExecution, definition: Saga) -> dict[str, dict[str, Any]]:
    """Step → the task, of all that wait for a person in an execution."""
    rows = SagaTask.objects.filter(execution_id=found.pk).annotate(late=_LATE)
    waits = definition.tasks
    return {row.step: _in_short(row, waits[row.step]) for row in rows if row.step in waits}


def _matching(wanted: TaskFilter, user: Asker) -> QuerySet[SagaTask]:
    _check(wanted)
    found = policy().tasks(user).filter(_IS_WAITING).select_related("execution")
    names = ("saga_id", "saga_type", "version", "definition_digest")
    found = found.only(
        "step", "assignee", "since", "due_at", *(f"execution__{name}" for name in names)
    )
    if wanted.assignee is not None:
        found = found.filter(assignee=wanted.assignee)
    if wanted.late is not None:
        late = Q(due_at__lt=Now())
        found = found.filter(late if wanted.late else ~late | Q(due_at=None))
    if wanted.saga_type is not None:
        found = found.filter(saga_type=wanted.saga_type)
    if wanted.permission is not None:
        asks = Q(pk__in=[])
        for saga_type, version, wait in kinds():
            if wait.permission == wanted.permission:
                asks |= Q(saga_type=saga_type, step=wait.name, execution__version=version)
        found = found.filter(asks)
    return found


def _check(wanted: TaskFilter) -> None:
    """Raises `BadInput` for what PostgreSQL would refuse in worse words."""
    fields = {}
    if wanted.assignee is not None and not is_login(wanted.assignee):
        fields["assignee"] = f"is no login, of 1 to {LONGEST_LOGIN} characters."
    if wanted.saga_type is not None and not SAGA_TYPE.fullmatch(wanted.saga_type):
        fields["saga_type"] = f"{wanted.saga_type!r} can't be the name of a saga's type."
    if fields:
        raise BadInput(fields)


def _with_saga(row: SagaTask) -> dict[str, Any]:
    of = row.execution
    definition = registry.fitting(of.saga_type, of.version, of.definition_digest)
    wait = None if definition is None else definition.tasks.get(row.step)
    form = None if wait is None or wait.form is None else dict(wait.form)
    saga = {"saga_id": of.saga_id, "saga_type": of.saga_type, "version": of.version}
    return {**saga, "name": row.step, "form": form, **_in_short(row, wait)}


def _in_short(row: SagaTask, wait: WaitFor | None) -> dict[str, Any]:
    return {
        "permission": None if wait is None else wait.permission,
        "assignee": row.assignee or None,
        "four_eyes": wait is not None and wait.four_eyes,
        "since": aware(row.since),
        "due_at": None if row.due_at is None else aware(row.due_at),
        "late": row.late,  # type: ignore[attr-defined]  # annotated
    }


def _cursor(last: SagaTask) -> str:
    due = "" if last.due_at is None else to_number(aware(last.due_at))
    return f"{due}.{last.pk}"


def _beyond(cursor: str) -> Q:
    """What comes after a task, in the order of the list. Raises `BadInput`."""
    found = _CURSOR.fullmatch(cursor)
    due, number = found.groups() if found else (None, "")
    try:
        moment: datetime | None = None if due is None else from_number(int(due))
    except OverflowError:
        found = None
    if found is None:
        raise BadInput({"after": "is not the `next_after` of a page."})
    if moment is None:
        return Q(due_at=None, pk__gt=int(number))
    return Q(due_at__gt=moment) | Q(due_at=moment, pk__gt=int(number)) | Q(due_at=None)
