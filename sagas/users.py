"""Users of whatever model the project has: a key of any type, a login of any name."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import connection

from sagas.errors import BadInput
from sagas.models import SagaExecution


def named(name: str) -> AbstractBaseUser | None:
    """The user who logs in by that name; None if there is none."""
    model = get_user_model()
    return model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()


def key_of(user: AbstractBaseUser) -> str:
    """The key of `user` as text."""
    return str(user._meta.pk.value_to_string(user))


def is_staff(user: object) -> bool:
    """Whether `user` may do what is for staff; a model need not know of any."""
    return bool(getattr(user, "is_staff", False))


def name_of(user: Any) -> str:
    """Who did it, for the record: a login may be something else than a text."""
    return str(user.get_username())


def stored_key(owner_id: object) -> Any:
    """The key of an owner, as PostgreSQL has it. Raises `BadInput` for what can't be one."""
    if owner_id is None:
        return None
    field = SagaExecution._meta.get_field("owner")
    try:
        return field.get_db_prep_save(owner_id, connection=connection)
    except (ValidationError, ValueError, TypeError) as error:
        said = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise BadInput({"owner_id": f"{owner_id!r} can't be the key of a user: {said}"}) from error
