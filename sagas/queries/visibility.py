"""Who sees which executions."""

from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from sagas import users
from sagas.errors import NoSuchExecution
from sagas.inputs import ANY_ID
from sagas.models import SagaExecution


class Operator:
    """Somebody who came through another gate: the command line, or the admin's permissions."""

    is_staff = True
    pk = None


OPERATOR: Final = Operator()

Asker = AbstractBaseUser | AnonymousUser | Operator

UNREAD_OF_PARENT: Final = tuple(
    f"parent__{name}" for name in ("context", "steps", "current_steps", "options", "commands")
)
"""What nobody asks of a parent: up to half a megabyte for each of its children."""


def visible_to(user: Asker) -> QuerySet[SagaExecution]:
    """The executions that `user` may see: their own, or all of them for staff."""
    if users.is_staff(user):
        return SagaExecution.objects.all()
    return SagaExecution.objects.filter(owner_id=user.pk, owner__isnull=False)


def execution(saga_id: str, user: Asker) -> SagaExecution:
    """The execution, if `user` may see it. Otherwise it raises `NoSuchExecution`, so that users
    don't learn of sagas that they may not see."""
    # PostgreSQL is not even asked for what can't be an id: it refuses a NUL character.
    is_id = ANY_ID.fullmatch(saga_id) is not None
    with_parent = visible_to(user).select_related("parent").defer(*UNREAD_OF_PARENT)
    found = with_parent.filter(saga_id=saga_id).first() if is_id else None
    if found is None:
        raise NoSuchExecution(f"There is no saga {saga_id!r} that you may see.")
    return found
