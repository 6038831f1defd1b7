"""`saga prune`: deletes what ended long ago, and keeps it elsewhere."""

from argparse import ArgumentParser
from contextlib import nullcontext
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from sagas import engine
from sagas.management.archive import archive_to
from sagas.management.arguments import duration, positive
from sagas.management.verbs import Verb

BATCH: Final = 500
"""Sagas to a transaction. More would gain little, and large families come near the database's
statement timeout."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--older-than", type=duration, required=True, metavar="30d")
    parser.add_argument("--batch", type=positive, default=BATCH, help="sagas per transaction")
    parser.add_argument(
        "--archive",
        metavar="FILE",
        help="first write them to this new file as JSON, one per line, gzipped if it ends in .gz; "
        "- is standard output. After a kill, run it again with another file: a line may be in "
        "both files, but none is lost.",
    )


def prune(command: BaseCommand, options: dict[str, Any]) -> None:
    older_than, batch, name = options["older_than"], options["batch"], options["archive"]
    total = 0
    try:
        with nullcontext() if name is None else archive_to(name) as archive:
            while deleted := engine.prune(older_than, batch, archive):
                total += deleted
    except OperationalError as error:
        raise CommandError(
            f"After {total} sagas the database failed: {error}".rstrip()
            + f"\nTry again with a smaller --batch than {batch}."
        ) from error
    except FileExistsError as error:
        raise CommandError(f"{name} already exists. Name a new file.") from error
    except OSError as error:
        raise CommandError(
            f"After {total} sagas {name} could not be written: {error}. Sagas that are not in it "
            "were not deleted."
        ) from error
    told = command.stderr if name == "-" else command.stdout
    told.write(f"Deleted {total} sagas that ended more than {older_than} ago.")


_HELP: Final = (
    "delete completed and compensated sagas that ended longer ago than that, with their children "
    "and events; failed ones are kept, because a person has to act on them"
)

VERBS: Final = {"prune": Verb(_HELP, add_arguments, prune)}
