"""`manage.py set_login LOGIN`: an account for the pages, with a password from the environment."""

import os
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from sagas import users


class Command(BaseCommand):
    help = (
        "Makes an account if it is missing, and gives it the password in LOGIN_PASSWORD: an "
        "argument would be seen by every user of the machine. For a demo and for tests; people "
        "change theirs with `changepassword`, or log in by what your project has."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("login", help="the account's login")

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("LOGIN_PASSWORD", "")
        if not password:
            raise CommandError("LOGIN_PASSWORD is empty: put the password there.")
        model = get_user_model()
        user = users.named(options["login"])
        if user is None:
            user = model._default_manager.create_user(**{model.USERNAME_FIELD: options["login"]})
        user.set_password(password)
        user.save(update_fields=["password"])
