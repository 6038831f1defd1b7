"""Who sees which executions."""

from collections.abc import Collection
from typing import Final

from django.db.models import QuerySet

from sagas.access import OPERATOR, Asker, Right, policy
from sagas.errors import NoSuchExecution
from sagas.inputs import ANY_ID
from sagas.models import SagaExecution

__all__ = ["OPERATOR", "UNREAD_OF_PARENT", "Asker", "execution", "seen_of", "visible_to"]

UNREAD_OF_PARENT: Final = tuple(
    f"parent__{name}" for name in ("context", "steps", "current_steps", "options", "commands")
)
"""What nobody asks of a parent: up to half a megabyte for each of its children."""


def visible_to(user: Asker, right: Right = Right.VIEW) -> QuerySet[SagaExecution]:
    """The executions that `user` may see, or for which they have another right."""
    return policy().visible(user, right)


def seen_of(saga_ids: Collection[str], user: Asker) -> set[str]:
    """Those of the executions that `user` may see."""
    return set(visible_to(user).filter(saga_id__in=saga_ids).values_list("saga_id", flat=True))


def execution(saga_id: str, user: Asker) -> SagaExecution:
    """The execution, if `user` may see it. Otherwise it raises `NoSuchExecution`, so that users
    don't learn of sagas that they may not see."""
    # PostgreSQL is not even asked for what can't be an id: it refuses a NUL character.
    is_id = ANY_ID.fullmatch(saga_id) is not None
    with_parent = SagaExecution.objects.select_related("parent").defer(*UNREAD_OF_PARENT)
    found = with_parent.filter(saga_id=saga_id).first() if is_id else None
    if found is None:
        # It costs as much as what is hidden, so that the time tells nothing either.
        policy().reach(user, Right.VIEW)
    if found is None or not policy().may_view(user, found):
        raise NoSuchExecution(f"There is no saga {saga_id!r} that you may see.")
    return found
