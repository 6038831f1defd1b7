"""Time stands still unless the simulation moves it, for Python and for PostgreSQL alike.

Production SQL asks for `clock_timestamp()` without a schema. The session's search_path finds one
that reads a setting of the session, so that no line of production code knows of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest import mock

from django.db import connection
from django.db.backends.signals import connection_created
from psycopg import pq

START: Final = datetime(2050, 1, 1, tzinfo=UTC)
"""Far from the real time: SQL that asked another clock would find nothing due for years."""

SCHEMA: Final = """
CREATE SCHEMA IF NOT EXISTS simulation;
CREATE OR REPLACE FUNCTION simulation.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT current_setting('simulation.now')::timestamptz $$;
"""

SESSION: Final = """
SET search_path = simulation, pg_catalog, public;
SET synchronous_commit = off;
SET simulation.now = '{now}';
"""


class Clock:
    """Moves in whole microseconds, as PostgreSQL's does, and never back."""

    def __init__(self) -> None:
        self.now = START
        self._told = START

    @property
    def elapsed(self) -> timedelta:
        """The time since the beginning of the world."""
        return self.now - START

    def move(self, seconds: float) -> None:
        """At least a microsecond goes by: no two transitions have one time, or the order of what
        is due at the same time would be PostgreSQL's to choose, and not the seed's."""
        self.now += timedelta(microseconds=max(1, round(seconds * 1_000_000)))

    def tell_database(self) -> None:
        """Sets the session's clock. Outside of a transaction, whose rollback would take it back."""
        if self._told != self.now and connection.connection is not None:
            _say(f"SET simulation.now = '{self.now.isoformat()}'")
            self._told = self.now

    @contextmanager
    def in_every_session(self) -> Iterator[None]:
        """Every session that Django opens within the block, also after a lost one, has this clock.

        The present one is closed, before and after: its settings are not for others.
        """

        def set_up(**_: Any) -> None:
            _say(SESSION.format(now=self.now.isoformat()))
            self._told = self.now

        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(SCHEMA)
        connection.close()
        connection_created.connect(set_up)
        try:
            yield
        finally:
            connection_created.disconnect(set_up)
            connection.close()

    @contextmanager
    def as_the_process_own(self) -> Iterator[None]:
        """What measures how long ago a row, or the clock, was read goes by this clock, too."""

        def monotonic() -> float:
            return self.elapsed.total_seconds()

        with (
            mock.patch("sagas.store.executions.monotonic", monotonic),
            mock.patch("sagas.store.clock.monotonic", monotonic),
        ):
            yield

    @contextmanager
    def instead_of_sleeping(self, meanwhile: Callable[[], None]) -> Iterator[None]:
        """Whoever sleeps within the block moves this clock, and lets others act."""

        def sleep(seconds: float) -> None:
            self.move(seconds)
            self.tell_database()
            meanwhile()

        with mock.patch("time.sleep", sleep):
            yield


def _say(statements: str) -> None:
    """Past Django and the driver: they would begin a transaction for it, or count it as one of the
    engine's."""
    done = connection.connection.pgconn.exec_(statements.encode())
    assert done.status == pq.ExecStatus.COMMAND_OK, done.error_message
