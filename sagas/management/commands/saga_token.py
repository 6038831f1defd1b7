"""`manage.py saga_token USERNAME [--create]`: a bearer token for the API and the socket."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from sagas import tokens, users


class Command(BaseCommand):
    help = "Prints a bearer token for a user; it is good for 30 days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="what the user logs in by")
        parser.add_argument(
            "--create", action="store_true", help="make the user, without a password, if missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = users.named(options["username"])
        if user is None:
            if not options["create"]:
                raise CommandError(
                    f"There is no user {options['username']!r}. Add --create to make one."
                )
            user = _created(options["username"])
        if not user.is_active:
            raise CommandError(f"User {options['username']!r} is not active: no token.")
        self.stdout.write(tokens.issue(user))


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
            f"A user of this project takes more than a {model.USERNAME_FIELD} ({error}). Make "
            f"{name!r} as the project does, and run this without --create."
        ) from error
