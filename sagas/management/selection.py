"""Which sagas a verb is about: named one by one, or by filters."""

from argparse import ArgumentParser, BooleanOptionalAction
from datetime import datetime
from typing import Any

from sagas import queries
from sagas.machine import ExecutionStatus
from sagas.management.arguments import positive_number, text


def add_ids(parser: ArgumentParser, number: str) -> None:
    parser.add_argument("saga_ids", nargs=number, type=text, metavar="SAGA_ID")


def add_filter(parser: ArgumentParser, *at_aliases: str) -> None:
    group = parser.add_argument_group("filters")
    group.add_argument("--type", dest="saga_type")
    group.add_argument("--version", type=int)
    group.add_argument("--status", type=ExecutionStatus, choices=list(ExecutionStatus))
    at = "with that step scheduled, waiting or in flight"
    group.add_argument("--at", *at_aliases, dest="at", metavar="STEP", help=at)
    group.add_argument("--paused", action=BooleanOptionalAction)
    needs = "that need a person, or have something below them that does"
    group.add_argument("--attention", action=BooleanOptionalAction, help=needs)
    for name in ("--created-before", "--created-after"):
        like = "like 2026-01-31T12:00+00:00"
        group.add_argument(name, type=datetime.fromisoformat, metavar="TIME", help=like)
    group.add_argument("--tag", help="a tag that they have")
    group.add_argument("--parent", metavar="SAGA_ID", help="children of this saga")


def add_targets(parser: ArgumentParser, *at_aliases: str) -> None:
    add_ids(parser, "*")
    add_filter(parser, *at_aliases)
    parser.add_argument(
        "--limit", type=positive_number, help="act on at most this many, the newest"
    )
    parser.add_argument("--yes", action="store_true", help="don't ask before acting on many")
    parser.add_argument("--by", type=text, metavar="NAME", help="who acts; you by default")


def filter_of(options: dict[str, Any]) -> queries.Filter:
    names = ("saga_type", "version", "status", "paused", "attention", "parent")
    same = {name: options[name] for name in (*names, "created_before", "created_after")}
    tags = None if options["tag"] is None else (options["tag"],)
    return queries.Filter(**same, step=options["at"], tags=tags)
