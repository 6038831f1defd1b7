"""`manage.py saga_participant_prune --older-than 30d [--batch 1000]`: forgets old answers."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from saga_participant.retention import MINIMUM, prune

BATCH: Final = 1000
"""Receipts to a transaction: tens of milliseconds, so that no request waits noticeably for it."""


class Command(BaseCommand):
    help = (
        "Deletes the receipts that last changed longer ago than that. Give more days than your "
        "callers' longest saga lives, its pauses included."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", type=days, required=True, metavar="30d")
        parser.add_argument(
            "--batch", type=positive, default=BATCH, help="receipts per transaction"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        older_than, batch, total = options["older_than"], options["batch"], 0
        try:
            while deleted := prune(older_than, batch):
                total += deleted
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Deleted {total} receipts older than {older_than.days} days.")


def days(text: str) -> timedelta:
    """`30d` as a timedelta."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})d", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a number of days: write {MINIMUM.days}d or more.")
    return timedelta(days=int(found[1]))


def positive(text: str) -> int:
    """A number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number: write 1 or more.")
    return int(text)
