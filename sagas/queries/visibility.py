"""Who sees which executions."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet

from sagas.access import OPERATOR, Asker, Right, policy
from sagas.errors import NoSuchExecution
from sagas.inputs import ANY_ID
from sagas.machine import Saga
from sagas.models import SagaExecution

__all__ = [
    "OPERATOR",
    "UNREAD_OF_PARENT",
    "Asker",
    "as_if_started",
    "execution",
    "seen_of",
    "to_signal",
    "visible_to",
]

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
    found = _named(saga_id)
    if found is None:
        # It costs as much as what is hidden, so that the time tells nothing either.
        policy().reach(user, Right.VIEW)
    if found is None or not policy().may_view(user, found):
        raise _hidden(saga_id)
    return found


def to_signal(saga_id: str, name: str, user: Asker) -> tuple[SagaExecution, bool]:
    """The execution, and whether `user` may send it that signal: who may, need not see it. Raises
    `NoSuchExecution` for who may neither."""
    found = _named(saga_id)
    if found is None:
        policy().reach(user, Right.VIEW)
        raise _hidden(saga_id)
    may = policy().may_signal(user, found, name)
    if not may and not policy().may_view(user, found):
        raise _hidden(saga_id)
    return found, may


def as_if_started(
    definition: Saga, saga_id: str, context: Mapping[str, Any], user: AbstractBaseUser
) -> SagaExecution | None:
    """What a start by `user` leads to: an execution that they have started before, or one that has
    no row yet. None if the saga_id is somebody else's."""
    found = _named(saga_id)
    if found is not None:
        return found if policy().owns(user, found) else None
    return SagaExecution(
        saga_id=saga_id,
        saga_type=definition.saga_type,
        version=definition.version,
        definition_digest=definition.digest,
        context=context,
        steps={},
        owner_id=user.pk,
    )


def _named(saga_id: str) -> SagaExecution | None:
    # PostgreSQL is not even asked for what can't be an id: it refuses a NUL character.
    if ANY_ID.fullmatch(saga_id) is None:
        return None
    with_parent = SagaExecution.objects.select_related("parent").defer(*UNREAD_OF_PARENT)
    return with_parent.filter(saga_id=saga_id).first()


def _hidden(saga_id: str) -> NoSuchExecution:
    return NoSuchExecution(f"There is no saga {saga_id!r} that you may see.")
