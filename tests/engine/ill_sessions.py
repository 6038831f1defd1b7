"""What can be wrong with a session of PostgreSQL that Django takes for a good one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection

TYPED: Final = "ALTER TABLE sagas_sagaexecution ALTER COLUMN hints_sent TYPE {}"
"""What every read of an execution has prepared is planned for the type that it had."""


def say(*statements: str) -> Callable[[], None]:
    def ill() -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return ill


def fail_in_a_transaction() -> None:
    session = raw()
    session.pgconn.exec_(b"BEGIN")
    session.pgconn.exec_(b"SELECT 1 / 0")


def end_by_an_administrator() -> None:
    ended = raw().info.backend_pid

    def end() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [ended])
        finally:
            connection.close()

    thread = threading.Thread(target=end)
    thread.start()
    thread.join(10)


def raw() -> Any:
    connection.ensure_connection()
    return connection.connection


ILL: Final[dict[str, Callable[[], None]]] = {
    "reads only": say("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
    "all discarded": say("DISCARD ALL"),
    "statements deallocated": say("DEALLOCATE ALL"),
    "ended": end_by_an_administrator,
    "closed under Django": lambda: raw().close(),
    "another search_path": say("SET search_path TO nowhere"),
    "another role": say("SET ROLE pg_monitor"),
    "amid a transaction": say("BEGIN"),
    "amid a failed transaction": fail_in_a_transaction,
    "without autocommit": lambda: connection.set_autocommit(False),
}
"""In words → what makes this thread's session so."""


@contextmanager
def another_type() -> Iterator[None]:
    """A migration within the block, and back: "cached plan must not change result type"."""
    say(TYPED.format("bigint"))()
    try:
        yield
    finally:
        connection.close()
        say(TYPED.format("integer"))()
