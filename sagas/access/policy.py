"""What each user may do, by Django's permissions: the policy that is asked unless a project has
its own."""

from collections.abc import Set
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from sagas import users
from sagas.access import tasks
from sagas.access.rights import EVERYTHING, Reach, Right, reach_of
from sagas.conf import conf
from sagas.machine import Adopt, Cancel, Operation, WaitFor
from sagas.models import SagaExecution, SagaTask


class Operator:
    """Somebody who came through another gate: a shell on a machine of the project."""

    pk = None


OPERATOR: Final = Operator()

Asker = AbstractBaseUser | AnonymousUser | Operator

OWNERS_MAY: Final = (Cancel,)
"""What whoever started a saga may do to it, besides signals. The rest takes knowledge of what a
participant has done."""


def right_for(operation: type[Operation | Adopt]) -> Right:
    """What it takes to do that to somebody else's saga."""
    return Right.ADMINISTER if issubclass(operation, Adopt) else Right.OPERATE


class Policy:
    """Django's permissions. A policy of a project inherits from it and changes what it has to;
    everything else here asks `reach`.

    `reach` and `visible` have to agree: one is asked about a single execution, the other one
    filters lists. Each may ask the database, so neither is asked from an event loop.
    """

    def reach(self, user: Any, right: Right) -> Reach:
        """The types of sagas, whoever owns them, for which `user` has that right. Django reads a
        user's permissions once for each object of a user, which lasts for one request."""
        if isinstance(user, Operator):
            return EVERYTHING
        if getattr(user, "is_active", False) and getattr(user, "is_superuser", False):
            return EVERYTHING
        return reach_of(_permissions(user), right)

    def visible(self, user: Any, right: Right = Right.VIEW) -> QuerySet[SagaExecution]:
        """The executions for which `user` has that right; of view, with their own."""
        reach = self.reach(user, right)
        if reach.is_all:
            return SagaExecution.objects.all()
        theirs = reach.condition() if reach else Q(pk__in=[])
        if right is Right.VIEW:
            theirs |= Q(owner_id=user.pk, owner__isnull=False)
        return SagaExecution.objects.filter(theirs)

    def owns(self, user: Any, found: SagaExecution) -> bool:
        return found.owner_id is not None and found.owner_id == user.pk

    def may_view(self, user: Any, found: SagaExecution) -> bool:
        return self.owns(user, found) or self.reach(user, Right.VIEW).covers(found.saga_type)

    def may_read_words(self, user: Any, found: SagaExecution) -> bool:
        """Whether `user`, who may see it, is told who did something to it and why, and the messages
        of its errors: whoever only owns it is not."""
        return self.reach(user, Right.VIEW).covers(found.saga_type)

    def may_start(self, user: Any, saga_type: str) -> bool:
        """Whoever is logged in may, but for the types of `SAGAS["START_NEEDS_PERMISSION"]`."""
        needed = conf.START_NEEDS_PERMISSION
        if needed is False or (needed is not True and saga_type not in needed):
            return True
        return self.reach(user, Right.START).covers(saga_type)

    def may_operate(
        self, user: Any, found: SagaExecution, operation: type[Operation | Adopt]
    ) -> bool:
        """An execution that `user` may see."""
        if issubclass(operation, OWNERS_MAY) and self.owns(user, found):
            return True
        return self.reach(user, right_for(operation)).covers(found.saga_type)

    def may_signal(self, user: Any, found: SagaExecution, name: str) -> bool:
        """Also an execution that `user` may not see; `name` is that of the signal."""
        owns = self.owns(user, found)
        wait = tasks.task(found, name)
        if wait is None or isinstance(user, Operator):
            return owns or self.reach(user, Right.OPERATE).covers(found.saga_type)
        doers = self.doers(user, found.saga_type, wait)
        assignee = tasks.assignee(found, wait) if doers.assigned else ""
        is_assigned = assignee != "" and assignee == users.name_of(user)
        return doers.may_do(owns=owns, is_assigned=is_assigned)

    def doers(self, user: Any, saga_type: str, wait: WaitFor) -> tasks.Doers:
        """Which tasks of that kind `user` may do: `may_signal` and `tasks` ask nothing else."""
        if wait.permission is not None:
            may_any = self.has_permission(user, wait.permission)
        else:
            may_any = self.reach(user, Right.OPERATE).covers(saga_type)
        is_for_owner = wait.permission is None and wait.assignee is None
        return tasks.Doers(may_any, wait.assignee is not None, is_for_owner, wait.four_eyes)

    def tasks(self, user: Any) -> QuerySet[SagaTask]:
        """The tasks that wait for a person and that `user` may do, of whatever sagas."""
        if isinstance(user, Operator):
            return SagaTask.objects.all()
        doers = {
            (saga_type, version, wait.name): self.doers(user, saga_type, wait)
            for saga_type, version, wait in tasks.kinds()
        }
        return SagaTask.objects.filter(tasks.those(doers, user, users.name_of(user)))

    def has_permission(self, user: Any, permission: str) -> bool:
        """Whether `user` has that permission of Django's."""
        if getattr(user, "is_active", False) and getattr(user, "is_superuser", False):
            return True
        return permission in _permissions(user)

    def may_read_metrics(self, user: Any) -> bool:
        """Their numbers are about the sagas of everybody."""
        return self.reach(user, Right.VIEW).is_all

    def holds_rights(self, user: Any) -> bool:
        """Whether `user` may do anything with sagas that are not their own."""
        return any(self.reach(user, right) for right in Right)


def _permissions(user: Any) -> Set[str]:
    """Of a user of any model; one without Django's permissions has none."""
    ask = getattr(user, "get_all_permissions", None)
    return ask() if ask is not None else frozenset()
