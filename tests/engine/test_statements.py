"""The hot statements, past the cursors: prepared once, with Django's errors, and nothing kept."""

import gc
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.conf import LazySettings
from django.db import DataError, OperationalError, connection, transaction

from sagas import engine
from sagas.store import statements
from tests.configured import configure
from tests.engine.round_trips import round_trips
from tests.surroundings.marks import one_session

pytestmark = [pytest.mark.django_db(transaction=True), one_session]

ADD = "SELECT %(a)s::bigint + %(b)s::bigint * %(b)s::bigint"
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1%%'"


@pytest.fixture(autouse=True)
def own_session() -> Iterator[None]:
    """What a test does to its session is nobody else's."""
    connection.close()
    yield
    connection.close()


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute(PREPARED)
        count: int = cursor.fetchone()[0]
        return count


def add(a: object, b: object) -> Any:
    [(found,)] = statements.run(ADD, {"a": a, "b": b})
    return found


def test_a_statement_is_prepared_once_and_then_one_round_trip() -> None:
    assert add(1, 2) == 5
    with round_trips() as sent:
        assert add(2, 3) == 11
        assert add(None, 3) is None
    assert len(sent) == 2, sent
    assert prepared() == 1


def test_in_a_transaction_it_is_a_part_of_that() -> None:
    with transaction.atomic():
        assert add(1, 2) == 5
        connection.set_rollback(True)
        assert connection.connection.info.transaction_status.name == "INTRANS"


def test_nothing_is_prepared_behind_a_pooler_that_can_not_have_it() -> None:
    with mock.patch.dict(connection.settings_dict["OPTIONS"], prepare_threshold=None):
        assert add(1, 2) == 5
    assert prepared() == 0


def test_r27_a_name_is_made_of_the_text_alone() -> None:
    """Two processes may meet on one session, and have begun with different statements."""

    def names() -> set[tuple[str, str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, statement FROM pg_prepared_statements")
            return set(cursor.fetchall())

    add(1, 2)
    first = names()
    connection.close()
    statements.run("SELECT 1", {})
    add(1, 2)
    assert first < names()


def test_r27_behind_a_pooler_nothing_is_prepared_and_limits_go_with_each_transaction(
    settings: LazySettings,
) -> None:
    configure(settings, POOLER="transaction", DATABASE_LIMITS={"lock_timeout": "7s"})
    asked = "SELECT current_setting('lock_timeout'), %(text)s"
    assert statements.run(asked, {"text": "100 %; '"}) == [("7s", "100 %; '")]
    with transaction.atomic():
        assert statements.run(asked, {"text": ""}) == [("7s", "")]
    assert add(1, 2) == 5
    assert prepared() == 0
    configure(settings, POOLER="")
    assert statements.run(asked, {"text": ""}) != [("7s", "")], "for no longer than that"


def test_r27_a_pooler_that_keeps_sessions_has_the_limits_said_once(settings: LazySettings) -> None:
    configure(settings, POOLER="session", DATABASE_LIMITS={"lock_timeout": "7s"})
    connection.close()
    assert statements.run("SELECT current_setting('lock_timeout')", {}) == [("7s",)]


def test_r27_behind_a_pooler_a_relay_leads_for_a_transaction(settings: LazySettings) -> None:
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    configure(settings, POOLER="transaction")
    with engine.turn_to_relay(leads=False) as leads:
        assert leads
        assert statements.run(held, {}) == [(1,)]
    assert statements.run(held, {}) == [(0,)]


def test_a_value_that_is_wrong_is_djangos_error_and_harms_nothing() -> None:
    with pytest.raises(DataError, match="out of range"):
        add(1 << 62, 1 << 62)
    assert add(1, 2) == 5


def test_a_session_that_the_server_has_ended_is_an_operational_error() -> None:
    """R6: by that, what reports a step knows to try again."""
    add(1, 2)
    ended = connection.connection.info.backend_pid
    in_another_thread(
        lambda: statements.run("SELECT pg_terminate_backend(%(pid)s::integer)", {"pid": ended})
    )
    with pytest.raises(OperationalError):
        add(1, 2)
    connection.close()
    assert add(1, 2) == 5


def test_a_connection_that_breaks_without_a_word_is_one_too() -> None:
    add(1, 2)
    with socket.socket(fileno=os.dup(connection.connection.pgconn.socket)) as link:
        link.shutdown(socket.SHUT_RDWR)
    with pytest.raises(OperationalError):
        add(1, 2)
    connection.close()
    assert add(1, 2) == 5


def test_what_a_session_has_prepared_is_forgotten_with_it() -> None:
    add(1, 2)
    kept = len(statements._sessions)
    connection.close()
    gc.collect()
    assert len(statements._sessions) < kept


def in_another_thread(call: Any) -> None:
    def run() -> None:
        try:
            call()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
