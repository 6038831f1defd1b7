"""`manage.py saga_prune --older-than 30d [--batch 500]`: deletes what ended long ago."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from sagas import engine
from sagas.management.arguments import duration, positive

BATCH: Final = 500
"""Sagas to a transaction. More would gain little, and large families come near the database's
statement timeout."""


class Command(BaseCommand):
    help = (
        "Deletes completed and compensated sagas that ended longer ago than that, with their "
        "children and events. Failed ones are kept: a person has to act on them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", type=duration, required=True, metavar="30d")
        parser.add_argument("--batch", type=positive, default=BATCH, help="sagas to a transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        older_than, batch, total = options["older_than"], options["batch"], 0
        try:
            while deleted := engine.prune(older_than, batch):
                total += deleted
        except OperationalError as error:
            raise CommandError(
                f"After {total} sagas the database did not take it: {error}".rstrip()
                + f"\nTry again with a smaller --batch than {batch}."
            ) from error
        self.stdout.write(f"Deleted {total} sagas that ended more than {older_than} ago.")
