"""`saga token`: a bearer token for the API and the live streams."""

from argparse import ArgumentParser
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from sagas import tokens, users
from sagas.management.verbs import Verb


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("username", help="the user's login")
    parser.add_argument(
        "--create", action="store_true", help="create the user, without a password, if missing"
    )


def print_token(command: BaseCommand, options: dict[str, Any]) -> None:
    name = options["username"]
    user = users.named(name)
    if user is None:
        if not options["create"]:
            raise CommandError(f"There is no user {name!r}. Add --create to create one.")
        user = _created(name)
    if not user.is_active:
        raise CommandError(f"User {name!r} is not active: no token.")
    command.stdout.write(tokens.issue(user))


def _created(name: str) -> AbstractBaseUser:
    model = get_user_model()
    try:
        with transaction.atomic():
            user: AbstractBaseUser = model._default_manager.create_user(
                **{model.USERNAME_FIELD: name}
            )
            return user
    except (AttributeError, TypeError, ValueError, ValidationError, DatabaseError) as error:
        raise CommandError(
            f"A user of this project needs more than a {model.USERNAME_FIELD} ({error}). Make "
            f"{name!r} as the project does, and run this without --create."
        ) from error


VERBS: Final = {
    "token": Verb("print a bearer token for a user, good for 30 days", add_arguments, print_token)
}
