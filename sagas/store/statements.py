"""The way of the hot statements to PostgreSQL: prepared, and past Django's cursor.

Django's cursor writes the values into the text of each statement, and PostgreSQL plans it anew:
that is most of what a transition costs. These are few, always the same, and many thousand a
second.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection


def run(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows that the statement returns: in the present transaction, or, if there is none, in one
    of its own, which is committed when this returns.

    Raises Django's own errors. Whether it is prepared is said by the option `prepare_threshold` of
    the database (see psycopg, "Prepared statements"): None behind a pooler that can't have it.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, values).fetchall()
