"""The way of the hot statements to PostgreSQL: prepared, past the cursors of Django and psycopg.

Django's cursor writes the values into the text of each statement, and PostgreSQL plans it anew:
that is most of what a transition costs. psycopg's own one prepares, but is made to be interrupted
and resumed: at rest that takes as long as a short statement takes PostgreSQL. These are few, always
the same, and many thousand a second.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, pq
from psycopg.adapt import PyFormat, Transformer

from sagas.conf import conf
from sagas.store.sessions import connection_here, limits_here

Rows = list[tuple[Any, ...]]

DONE: Final = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


def run(sql: str, values: Mapping[str, Any]) -> Rows:
    """The rows that the statement returns: in the present transaction, or, if there is none, in one
    of its own, which is committed when this returns.

    Raises Django's own errors. It is prepared, but for a transaction, and behind a pooler that
    can't have it (DATABASE_POOLER).
    """
    connection = connection_here()
    connection.ensure_connection()
    session: psycopg.Connection = connection.connection
    with connection.wrap_database_errors:
        # A transaction is begun by psycopg, with the first statement in it.
        if session.autocommit and _prepares(connection):
            return _statements_of(session).run(session.pgconn, sql, values)
        return _run_limited(session, sql, values)


def _prepares(connection: BaseDatabaseWrapper) -> bool:
    """The option `prepare_threshold` of the database, psycopg's own, has the last word."""
    options = connection.settings_dict["OPTIONS"]
    if "prepare_threshold" in options:
        return options["prepare_threshold"] is not None
    return bool(conf.POOLER != "transaction")


def _run_limited(session: psycopg.Connection, sql: str, values: Mapping[str, Any]) -> Rows:
    """As text, so that the limits of its transaction go with it: a pooler hands each transaction to
    any session."""
    if conf.POOLER != "transaction":
        return session.execute(sql, values).fetchall()
    limits = "".join(f"SET LOCAL {name} = '{limit}'; " for name, limit in limits_here().items())
    cursor = psycopg.ClientCursor(session)
    cursor.execute(limits + sql, values)
    while cursor.nextset():
        pass
    return cursor.fetchall()


class _Statements:
    """Those that a session has prepared. It is used by one thread at a time.

    libpq waits for the answer itself, without the interpreter's lock; for as long as the server's
    `statement_timeout` says, even when a signal comes.
    """

    def __init__(self, session: psycopg.Connection) -> None:
        # Its adapters alone: who holds the session itself would keep it from being forgotten.
        self._transformer = Transformer(session.adapters)
        self._prepared: dict[str, tuple[bytes, list[str]]] = {}

    def run(self, server: pq.abc.PGconn, sql: str, values: Mapping[str, Any]) -> Rows:
        name, order = self._prepared.get(sql) or self._prepare(server, sql)
        given = [values[each] for each in order]
        dumped = self._transformer.dump_sequence(given, [PyFormat.TEXT] * len(given))
        answer = server.exec_prepared(name, dumped)  # type: ignore[arg-type]  # it takes None
        done = _checked(server, answer)
        self._transformer.set_pgresult(done)
        return self._transformer.load_rows(0, done.ntuples, tuple)

    def _prepare(self, server: pq.abc.PGconn, sql: str) -> tuple[bytes, list[str]]:
        """Its name, and those of its values in their order. The name is made of the text: another
        client of a pooler, which has prepared it on the same session, means the same (R27)."""
        order = list(dict.fromkeys(_VALUE.findall(sql)))
        numbered = _VALUE.sub(lambda value: f"${order.index(value[1]) + 1}", sql)
        name = b"sagas_" + hashlib.blake2b(numbered.encode(), digest_size=16).hexdigest().encode()
        with suppress(errors.DuplicatePreparedStatement):
            _checked(server, server.prepare(name, numbered.encode()))
        self._prepared[sql] = name, order
        return name, order


def _checked(server: pq.abc.PGconn, done: pq.abc.PGresult) -> pq.abc.PGresult:
    """Raises psycopg's errors."""
    if done.status in DONE:
        return done
    error = errors.error_from_result(done)
    if error.sqlstate is None and server.status != pq.ConnStatus.OK:
        raise psycopg.OperationalError(str(error))  # nobody is left to say what it was
    raise error


def _statements_of(session: psycopg.Connection) -> _Statements:
    found = _sessions.get(session)
    if found is None:
        found = _sessions[session] = _Statements(session)
    return found


_VALUE: Final = re.compile(r"%\((\w+)\)s")
_sessions: Final[WeakKeyDictionary[psycopg.Connection, _Statements]] = WeakKeyDictionary()
