"""PostgreSQL's clock, put forward for what this thread asks it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection

from sagas.models import SagaExecution
from sagas.store import statements


class Clock:
    """For `around_statements`: adds `ahead` seconds to each time that a statement asks for."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        moment = f"(clock_timestamp() + interval '{self.ahead} seconds')"
        return execute(sql.replace("clock_timestamp()", moment), *others)

    def until_next_wake(self) -> float | None:
        """Seconds until anybody has to look at any saga, of those that are not due yet; None if
        nobody has to."""
        table = SagaExecution._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT extract(epoch FROM min(wake_at) - clock_timestamp()) FROM {table}"  # noqa: S608
                f" WHERE wake_at > clock_timestamp()"
            )
            [found] = cursor.fetchone()
            return None if found is None else float(found)


@contextmanager
def around_statements(around: Callable[..., Any]) -> Iterator[None]:
    """Within the block each statement is `around(execute, sql, *others)`, which says what becomes
    of it: those of Django, as `execute_wrapper` has it, and those of the store."""
    run = statements.run

    def run_around(sql: str, values: Any) -> Any:
        return around(run, sql, values)

    with (
        mock.patch.object(statements, "run", run_around),
        connection.execute_wrapper(around),
    ):
        yield
