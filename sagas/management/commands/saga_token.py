"""`manage.py saga_token USERNAME [--create]`: a bearer token for the API and the socket."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from sagas import tokens


class Command(BaseCommand):
    help = "Prints a bearer token for a user; it is good for 30 days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--create", action="store_true", help="make the user, without a password, if missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        user = users.filter(username=options["username"]).first()
        if user is None:
            if not options["create"]:
                raise CommandError(
                    f"There is no user {options['username']!r}. Add --create to make one."
                )
            user = users.create_user(options["username"])
        if not user.is_active:
            raise CommandError(f"User {options['username']!r} is not active: no token.")
        self.stdout.write(tokens.issue(user))
