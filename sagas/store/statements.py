"""The way of the hot statements to PostgreSQL: prepared, and past Django's cursor.

Django's cursor writes the values into the text of each statement, and PostgreSQL plans it anew:
that is most of what a transition costs. These are few, always the same, and many thousand a
second.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


def run(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows that the statement returns: in the present transaction, or, if there is none, in one
    of its own, which is committed when this returns.

    Raises Django's own errors. Whether it is prepared is said by the option `prepare_threshold` of
    the database (see psycopg, "Prepared statements"): None behind a pooler that can't have it.
    """
    connection = connection_here()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return _cursor_of(connection.connection).execute(sql, values).fetchall()


def connection_here() -> BaseDatabaseWrapper:
    """`django.db.connection` itself, which is this thread's own. To look it up takes Django 10 µs,
    and a transition would do so a dozen times."""
    found: BaseDatabaseWrapper | None = getattr(_here, "connection", None)
    if found is None:
        found = _here.connection = connections[DEFAULT_DB_ALIAS]
    return found


def _cursor_of(session: Any) -> psycopg.Cursor[tuple[Any, ...]]:
    """The one of this thread, if it is of this session: to make one takes as long as to use it."""
    cursor: psycopg.Cursor[tuple[Any, ...]] | None = getattr(_here, "cursor", None)
    if cursor is None or cursor.connection is not session:
        cursor = _here.cursor = psycopg.Cursor(session)
    return cursor


_here: Final = threading.local()
