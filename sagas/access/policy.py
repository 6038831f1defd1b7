"""What each user may do, by Django's permissions: the policy that is asked unless a project has
its own."""

from collections.abc import Set
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from sagas.access.rights import EVERYTHING, Reach, Right, reach_of
from sagas.conf import conf
from sagas.machine import Adopt, Cancel, Operation
from sagas.models import SagaExecution


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
        """An execution that `user` may see; `name` is that of the signal."""
        return self.owns(user, found) or self.reach(user, Right.OPERATE).covers(found.saga_type)

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
