"""`saga start`: one saga, or one for each line of a file of JSON.

    {"saga_id": "order-7", "context": {"quantity": 2}, "tags": ["vip"]}

Only `context` is needed in a line; `start_at` and `deadline` are like 2026-01-31T12:00+00:00.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from sagas import engine, users
from sagas.errors import SagaError
from sagas.management.arguments import json_value, positive, text
from sagas.management.verbs import Verb

BATCH: Final = 1000
"""Sagas to a transaction: a tenth of a second, and what one bad line undoes."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("saga_type", metavar="TYPE")
    parser.add_argument("file", nargs="?", metavar="FILE", help="- is standard input")
    one = parser.add_argument_group("one saga, instead of those of a file")
    one.add_argument("--context", type=json_value, metavar="JSON", help='like {"quantity": 2}')
    one.add_argument("--saga-id", type=text, metavar="ID", help="made up by default")
    one.add_argument("--tag", action="append", help="may be repeated")
    parser.add_argument("--version", type=positive, metavar="N", help="the newest by default")
    parser.add_argument("--owner", metavar="USERNAME", help="nobody by default")
    parser.add_argument("--batch", type=positive, default=BATCH, help="sagas to a transaction")


def start(command: BaseCommand, options: dict[str, Any]) -> None:
    if (options["file"] is None) == (options["context"] is None):
        raise CommandError("Name either a FILE, or one saga's --context.", returncode=2)
    if options["file"] is None:
        _start_one(command, options)
    elif options["saga_id"] or options["tag"]:
        raise CommandError("--saga-id and --tag are for one saga: write them into the file.")
    else:
        _start_file(command, options)


def _start_one(command: BaseCommand, options: dict[str, Any]) -> None:
    started = engine.start(
        options["saga_type"],
        options["context"],
        saga_id=options["saga_id"],
        version=options["version"],
        owner_id=_owner_id(options["owner"]),
        tags=tuple(options["tag"] or ()),
    )
    command.stdout.write(f"{started.saga_id}: {'started' if started.created else 'was there'}")


def _start_file(command: BaseCommand, options: dict[str, Any]) -> None:
    version, owner_id = options["version"], _owner_id(options["owner"])
    new = total = 0
    try:
        for sagas in _batches(options["file"], options["batch"]):
            started = engine.start_many(
                options["saga_type"], sagas, version=version, owner_id=owner_id
            )
            new += sum(each.created for each in started)
            total += len(started)
    except (SagaError, OSError) as error:
        said = f"{error}\nThe first {total} lines are started; those after them are not."
        if getattr(error, "fields", None):
            said += f" `sagas.0` is line {total + 1}."
        raise CommandError(said) from error
    command.stdout.write(f"Started {new} sagas; {total - new} were there already.")


def _owner_id(username: str | None) -> Any:
    if username is None:
        return None
    found = users.named(username)
    if found is None:
        raise CommandError(f"There is no user {username!r}.")
    return found.pk


def _batches(name: str, size: int) -> Iterator[list[engine.NewSaga]]:
    with nullcontext(sys.stdin) if name == "-" else Path(name).open() as file:
        lines = (_parsed(number, line) for number, line in enumerate(file, 1))
        while batch := list(islice(lines, size)):
            yield batch


def _parsed(number: int, line: str) -> engine.NewSaga:
    try:
        given = json.loads(line)
        for name in ("start_at", "deadline"):
            if given.get(name) is not None:
                given[name] = datetime.fromisoformat(given[name])
        return engine.NewSaga(**given)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CommandError(
            f'Line {number} is no saga like {{"saga_id": "a-1", "context": {{}}}}: {error}. It '
            f"and those of its batch are not started."
        ) from None


_HELP: Final = (
    "start one saga, or one for each line of a file, in batches: all of a batch, or none of it. "
    "With a saga_id in each line it may be run again: what was started before is not started twice"
)

VERBS: Final = {"start": Verb(_HELP, add_arguments, start)}
