"""`saga compat`: would what is under way go on with the code at hand?

For CI before a deploy: run the new code's command against the live database once its migrations
are applied, or against a copy. It reads only, and ends with status 1 if anything would break.
"""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection, transaction
from django.db.models import Q

from sagas.checks import EXAMPLES, PATIENCE
from sagas.machine import TERMINAL, ExecutionStatus
from sagas.management.arguments import positive
from sagas.management.verbs import Verb
from sagas.models import SagaEvent, SagaExecution
from sagas.moments import as_number, from_number
from sagas.registry import registry
from sagas.whatif.compatibility import Incompatibility, Kind, problems

BATCH: Final = 100
"""Executions to a transaction. With contexts of the largest size it is 25 MB; a snapshot that
stands for longer would keep PostgreSQL from cleaning up."""

Looked = tuple[SagaExecution, list[SagaEvent], datetime]


@dataclass(slots=True)
class Group:
    """The executions of one type and version that have one problem."""

    message: str
    how_many: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    looked_at: int = 0
    would_break: int = 0
    changed: int = 0
    groups: dict[tuple[str, int, Kind, str], Group] = field(default_factory=dict)

    def add(self, execution: SagaExecution, found: Sequence[Incompatibility]) -> None:
        self.looked_at += 1
        breaks = any(problem.breaks for problem in found)
        self.would_break += breaks
        self.changed += bool(found) and not breaks
        for problem in found:
            key = execution.saga_type, execution.version, problem.kind, problem.step or ""
            group = self.groups.setdefault(key, Group(problem.message))
            group.how_many += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(execution.saga_id)

    def as_json(self) -> str:
        listed = [
            {
                "saga_type": saga_type,
                "version": version,
                "problem": kind.value,
                "step": step or None,
                "message": group.message,
                "executions": group.how_many,
                "examples": group.examples,
            }
            for (saga_type, version, kind, step), group in sorted(self.groups.items())
        ]
        counts = {name: getattr(self, name) for name in ("looked_at", "would_break", "changed")}
        return json.dumps({**counts, "problems": listed}, indent=2)

    def as_text(self) -> str:
        lines = [
            f"Looked at {self.looked_at} live execution(s): {self.would_break} would break, "
            f"{self.changed} began with another definition and can go on."
        ]
        for (saga_type, version, kind, _), group in sorted(self.groups.items()):
            more = ", …" if group.how_many > len(group.examples) else ""
            lines += [
                "",
                f"{saga_type}, version {version}: {kind}, {group.how_many} execution(s) "
                f"({', '.join(group.examples)}{more})",
                f"  {group.message}",
            ]
        return "\n".join(lines)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--type", action="append", help="only this type; may be repeated")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--limit", type=positive, help="look only at this many, the newest")


def compat(command: BaseCommand, options: dict[str, Any]) -> None:
    report = Report()
    try:
        for execution, events, now in live(options["type"], options["limit"]):
            definition = registry.find(execution.saga_type, execution.version)
            report.add(execution, problems(definition, execution, now, events))
    except ProgrammingError as error:
        raise CommandError(
            f"The tables don't match this code ({str(error).splitlines()[0]}). Migrate first (the "
            "old code can still use the tables), or use a migrated copy."
        ) from error
    as_json = options["format"] == "json"
    command.stdout.write(report.as_json() if as_json else report.as_text())
    if report.would_break:
        raise CommandError(f"{report.would_break} of {report.looked_at} would break.")


def live(types: Sequence[str] | None, limit: int | None) -> Iterator[Looked]:
    """What may still have to act, the newest first, each with its events and the time. Every batch
    is one snapshot, and read only: what works meanwhile is not seen half."""
    before: int | None = None
    left = limit
    while left is None or left > 0:
        batch = _batch(types, before, BATCH if left is None else min(BATCH, left))
        if not batch:
            return
        yield from batch
        before = batch[-1][0].pk
        left = None if left is None else left - len(batch)


def _batch(types: Sequence[str] | None, before: int | None, size: int) -> list[Looked]:
    # A completed child is undone if its family turns back.
    is_live = ~Q(status__in=TERMINAL) | (
        Q(status=ExecutionStatus.COMPLETED, root__isnull=False) & ~Q(root__status__in=TERMINAL)
    )
    chosen = SagaExecution.objects.filter(is_live).order_by("-pk")
    if types is not None:
        chosen = chosen.filter(saga_type__in=types)
    if before is not None:
        chosen = chosen.filter(pk__lt=before)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
        cursor.execute(f"SELECT {as_number('clock_timestamp()')}")
        now = from_number(cursor.fetchone()[0])
        executions = list(chosen[:size])
        rows = SagaEvent.objects.filter(execution__in=executions).order_by("execution_id", "seq")
        events = {pk: list(of) for pk, of in groupby(rows, key=lambda row: row.execution_id)}
    return [(execution, events.get(execution.pk, []), now) for execution in executions]


_HELP: Final = (
    "run live sagas through the current code, without side effects, and list those that would break"
)

VERBS: Final = {"compat": Verb(_HELP, add_arguments, compat)}
