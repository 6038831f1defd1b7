"""What a test has committed goes by DELETE, and only out of tables that have rows; by TRUNCATE if
there is so much of it that the dead rows would slow down the next test.

Django would TRUNCATE all tables after each such test, which makes some eighty files anew, and write
the content types and permissions again: half a second where this takes some milliseconds.
"""

from typing import Final

from django.db import connections
from django.test import TransactionTestCase

KEPT: Final = ("django_migrations", "django_content_type", "auth_permission")
"""What the migrations have left, and no test changes."""

_EMPTY: Final = f"""
DO $$
DECLARE found text; is_filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;  -- in any order: no foreign key is looked at
    FOR found IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN {KEPT} LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', found) INTO is_filled;
        IF pg_relation_size(found::regclass) > 128 * 1024 THEN
            EXECUTE format('TRUNCATE %s CASCADE', found);
        ELSIF is_filled THEN
            EXECUTE format('DELETE FROM %s', found);
        END IF;
    END LOOP;
END $$
"""


def empty_tables(case: TransactionTestCase) -> None:
    """In place of Django's `_fixture_teardown`."""
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        with connections[alias].cursor() as cursor:
            cursor.execute(_EMPTY)
