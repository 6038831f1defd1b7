"""Where tests get between the engine and PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from unittest import mock

from django.db import connection

from sagas.store import executions, insertion, statements, transitions
from sagas.testing.clock import around_statements

WRITING: Final = (transitions.SAVE, insertion.INSERT)
"""The statements that may be transactions of their own."""


@contextmanager
def at_every_commit(hit: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Within the block `hit(commit)` is called in place of each COMMIT, and of each statement that
    is a transaction of its own; it commits by `commit()`, or does not."""
    commit = connection._commit  # type: ignore[attr-defined]  # no public seam is so late
    run = statements.run

    def run_and_commit(sql: str, values: Any) -> Any:
        if sql not in WRITING or connection.in_atomic_block:
            return run(sql, values)
        rows: list[Any] = []
        with connection.wrap_database_errors:
            hit(lambda: rows.extend(run(sql, values)))
        return rows

    with (
        mock.patch.object(connection, "_commit", partial(hit, commit)),
        mock.patch.object(statements, "run", run_and_commit),
    ):
        yield


@contextmanager
def said() -> Iterator[list[str]]:
    """What is said to PostgreSQL within the block: a list that grows. The store's statements by
    name: `read`, `lock`, `save`, `insert`."""
    names = {
        executions.PEEK: "read",
        executions.PEEK_AT: "read",
        transitions.SAVE: "save",
        insertion.INSERT: "insert",
    }
    found: list[str] = []

    def note(execute: Any, sql: str, *others: Any) -> Any:
        found.append(names.get(sql, "lock" if "FOR UPDATE" in sql else sql))
        return execute(sql, *others)

    set_autocommit = connection.set_autocommit

    def set_noted(autocommit: bool, **options: Any) -> None:
        found.append("COMMIT" if autocommit else "BEGIN")
        set_autocommit(autocommit, **options)

    with around_statements(note), mock.patch.object(connection, "set_autocommit", set_noted):
        yield found
