"""Who may do which tasks: what the waits of the definitions say, for one task and for the list."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from sagas.machine import Login, StepStatus, WaitFor
from sagas.machine.open_tasks import assignee_of
from sagas.models import SagaExecution
from sagas.registry import registry


@dataclass(frozen=True, slots=True)
class Doers:
    """Of the tasks of one kind, which a user may do: any, those that are assigned to them, or those
    of sagas that they have started; with `not_own`, none of those."""

    any: bool
    assigned: bool
    own: bool
    not_own: bool

    def may_do(self, *, owns: bool, is_assigned: bool) -> bool:
        if owns and self.not_own:
            return False
        return self.any or (self.assigned and is_assigned) or (self.own and owns)

    def condition(self, user: Any, login: str) -> Q:
        """The same for a queryset of tasks."""
        owns = Q(execution__owner_id=user.pk, execution__owner__isnull=False)
        found = Q() if self.any else Q(pk__in=[])
        if self.assigned and login and not self.any:
            found |= Q(assignee=login)
        if self.own and not self.any:
            found |= owns
        return found & ~owns if self.not_own else found


def task(found: SagaExecution, name: str) -> WaitFor | None:
    """The wait of that name, if it is a task by the definition that fits the execution."""
    saga = registry.fitting(found.saga_type, found.version, found.definition_digest)
    return None if saga is None else saga.tasks.get(name)


def assignee(found: SagaExecution, wait: WaitFor) -> str:
    """The login of whom a task is assigned to; empty for nobody. Until the wait begins, the context
    assigns it to nobody: it may still be what the saga was started with, and whoever started it
    would choose who approves."""
    status = found.steps.get(wait.name, {}).get("status", StepStatus.PENDING)
    if status == StepStatus.PENDING and not isinstance(wait.assignee, Login):
        return ""
    return assignee_of(wait, found.context)


def kinds() -> Iterator[tuple[str, int, WaitFor]]:
    """Every task that is known here: the type and version of its saga, and its wait."""
    for saga in registry:
        for wait in saga.tasks.values():
            yield saga.saga_type, saga.version, wait


def those(doers: dict[tuple[str, int, str], Doers], user: Any, login: str) -> Q:
    """The tasks that `user` may do; `doers` says of each kind, by type, version and step, which."""
    versions = defaultdict(list)
    for (saga_type, version, step), each in doers.items():
        versions[saga_type, step, each].append(version)
    found = Q(pk__in=[])
    for (saga_type, step, each), some in versions.items():
        kind = Q(saga_type=saga_type, step=step, execution__version__in=some)
        found |= kind & each.condition(user, login)
    return found
