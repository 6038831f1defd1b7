"""Tasks that wait for a person: waits that have begun. What is known of them follows from the
state, so there is nothing of them in events or rows of executions; and nothing of the saga's course
follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sagas.machine.conditions import value_at
from sagas.machine.definition import Saga
from sagas.machine.parameters import as_timedelta
from sagas.machine.state import ExecutionState
from sagas.machine.states import StepStatus
from sagas.machine.tasks import Login, is_login
from sagas.machine.waiting_steps import WaitFor

YEARS: Final = range(1970, 3000)
"""Of a due date: PostgreSQL knows years that Python can't read back."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task that waits for a person; `assignee` is a login, or empty. It is due at a moment, or
    some time after it began; or never."""

    assignee: str = ""
    due_at: datetime | None = None
    due_after: timedelta | None = None


def open_tasks(definition: Saga, state: ExecutionState) -> dict[str, Task]:
    """Step → the task, of all tasks that wait for a person in an execution."""
    return {
        name: _task(wait, state.context)
        for name, wait in definition.tasks.items()
        if state.step(name).status is StepStatus.WAITING
    }


def assignee_of(wait: WaitFor, context: Mapping[str, Any]) -> str:
    """The login of whom it is assigned to; empty if the context has no usable one."""
    if isinstance(wait.assignee, Login):
        return wait.assignee.name
    found: Any = None if wait.assignee is None else value_at(context, wait.assignee)
    return found if is_login(found) else ""


def _task(wait: WaitFor, context: Mapping[str, Any]) -> Task:
    assignee = assignee_of(wait, context)
    if isinstance(wait.due, str):
        return Task(assignee, due_at=_moment(value_at(context, wait.due)))
    return Task(assignee, due_after=None if wait.due is None else as_timedelta(wait.due))


def _moment(value: object) -> datetime | None:
    """None for what is none: a due date ends nothing, so it may not fail anything either."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    is_usable = found is not None and found.tzinfo is not None and found.year in YEARS
    return found if is_usable else None
