"""`saga watch`: the events of a saga in the terminal, as they happen, until it ends or has failed.

It reads the rows of the database, so it needs neither a web process nor a channel layer.
"""

import time
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from sagas import queries
from sagas.machine import AT_REST, ExecutionStatus
from sagas.management.arguments import positive, positive_number, text
from sagas.management.verbs import Verb

PAUSE: Final = 0.3
"""Seconds between two looks: soon enough for a person, and one statement for the database."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("saga_id", type=text, metavar="SAGA_ID")
    after = "only the events with a number above this one"
    parser.add_argument("--after", type=positive_number, default=0, metavar="SEQ", help=after)
    timeout = "fail if the saga has not ended after this time; by default, wait until it ends"
    parser.add_argument("--timeout", type=positive, metavar="SECONDS", help=timeout)


def watch(command: BaseCommand, options: dict[str, Any]) -> None:
    """Raises `CommandError`, status 1, unless the saga is completed in the end."""
    saga_id, after, timeout = options["saga_id"], options["after"], options["timeout"]
    execution_id = queries.execution(saga_id, queries.OPERATOR).pk
    began = time.monotonic()
    while True:
        news = queries.news({execution_id: after}).get(execution_id)
        if news is None:
            raise CommandError(f"{saga_id} was deleted meanwhile.")
        for event in news.events:
            command.stdout.write(_line(queries.describe_event(event)))
            after = event.seq
        command.stdout.flush()
        if news.status in AT_REST and after >= news.last_seq:
            break
        if news.events and after < news.last_seq:
            continue
        if timeout is not None and time.monotonic() - began > timeout:
            raise CommandError(f"{saga_id} is {news.status}, and has not ended in {timeout} s.")
        time.sleep(PAUSE)
    if news.status != ExecutionStatus.COMPLETED:
        raise CommandError(f"{saga_id} is {news.status}. Its steps: manage.py saga show {saga_id}")


def _line(event: dict[str, Any]) -> str:
    """An event on one line: time, number, what happened, and why."""
    step = " ".join(filter(None, (event["step"], event["direction"])))
    attempt = f"attempt {event['attempt']}" if event["attempt"] else ""
    parts = (event["at"], str(event["seq"]), event["type"], step, attempt, _why(event["data"]))
    return "  ".join(filter(None, parts))


def _why(data: dict[str, Any]) -> str:
    if failure := data.get("failure"):
        return f"{failure['error']}: {failure['message']}"
    parts = [str(data[name]) for name in ("by", "reason", "because") if data.get(name)]
    return ": ".join([*parts, *(data.get("left") or ())])


_HELP: Final = "follow a saga's events until it ends, or has failed and waits for a person"

VERBS: Final = {"watch": Verb(_HELP, add_arguments, watch)}
