"""Sessions of PostgreSQL: whose the engine speaks over, and what a new one cures (R22, R23).

In a worker the engine has a session of its own, since actions may leave theirs in any state: with
another search_path or role, amid a transaction, closed. Everywhere else it speaks over Django's
connection: whoever calls it there may have a transaction open, which a start has to join.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    Error,
    InterfaceError,
    OperationalError,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg.pq import ConnStatus, TransactionStatus

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

RECONNECTS: Final = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each new try after a lost session. Together about as long as PostgreSQL takes to
restart; a report that is later than its lease would be shut out anyway."""

GONE: Final = {
    "08": "the connection failed",
    "0A000": "a prepared plan returns other columns since a migration; nothing else of the "
    "engine's can be unsupported",
    "25006": "it reads only: a standby, or the old primary after a failover",
    "25P01": "a pooler has put another session behind it, which has no such transaction",
    "25P02": "a transaction that has failed was left open on it",
    "25P03": "PostgreSQL has ended it: idle in a transaction",
    "25P04": "PostgreSQL has ended it: its transaction took too long",
    "26000": "what was prepared is gone (DISCARD ALL, DEALLOCATE ALL), or is another session's",
    "34000": "its cursor is gone, or is another session's",
    "42P05": "another client of the pooler has prepared under that name",
    "57P01": "an administrator has ended it",
    "57P02": "PostgreSQL crashed",
    "57P03": "PostgreSQL is starting or stopping",
    "57P05": "PostgreSQL has ended it: idle for too long",
}
"""SQLSTATE, or its class → what is wrong with a session that answers so. Beside these, whatever is
Django's OperationalError or InterfaceError: most have no SQLSTATE, since nobody answered."""

CHANGED: Final = {
    "3F000": "another search_path, with a schema that is gone",
    "42501": "another role",
    "42703": "another search_path, with tables of the same names",
    "42704": "another search_path, without the types",
    "42883": "another search_path, without the functions",
    "42P01": "another search_path, without the tables",
}
"""The same for settings that somebody has changed on it. More often it is the truth: so one new
session is asked, at once, and what that says is believed."""


class _Here(threading.local):
    connection: BaseDatabaseWrapper | None = None
    """Django's, or the engine's own while that is in its place."""
    own: BaseDatabaseWrapper | None = None
    has_own = False
    is_repeating = False
    was_opened = False
    """Whether Django opened any connection in this thread, other than the engine's own."""


_here: Final = _Here()


def connection_here() -> BaseDatabaseWrapper:
    """`django.db.connection` itself, which is this thread's own. To look it up takes Django some
    microseconds, and a transition would do so a dozen times."""
    found = _here.connection
    if found is None:
        found = _here.connection = connections[DEFAULT_DB_ALIAS]
    return found


def pooler() -> str:
    """The mode of a PgBouncer before PostgreSQL, `session` or `transaction`; or `""`."""
    return getattr(settings, "DATABASE_POOLER", "")


def limits_here() -> Mapping[str, str]:
    """Settings of PostgreSQL that no start-up parameter has said (DATABASE_LIMITS)."""
    return getattr(settings, "DATABASE_LIMITS", {})


# --- A session of the engine's own ----------------------------------------------------------------
@contextmanager
def with_own() -> Iterator[None]:
    """Within the block, what is `on_own` has a session that nothing else in this thread uses: it is
    opened when it is needed, and kept."""
    before, _here.has_own = _here.has_own, True
    try:
        yield
    finally:
        _here.has_own = before


@contextmanager
def without_own() -> Iterator[None]:
    """The contrary, for what is not the engine's: it may open a transaction, and call in that."""
    before, _here.has_own = _here.has_own, False
    try:
        yield
    finally:
        _here.has_own = before


def on_own(call: Callable[P, T]) -> Callable[P, T]:
    """Makes `call` speak over the thread's own session, if it has one: meanwhile that stands in the
    place of `django.db.connection`."""

    @wraps(call)
    def on_it(*args: P.args, **kwargs: P.kwargs) -> T:
        if not _here.has_own or (_here.own is not None and _here.connection is _here.own):
            return call(*args, **kwargs)
        theirs = connections[DEFAULT_DB_ALIAS] if _here.was_opened else None
        connections[DEFAULT_DB_ALIAS] = _here.connection = _here.own or _make()
        try:
            return call(*args, **kwargs)
        finally:
            _here.connection = theirs
            if theirs is None:
                del connections[DEFAULT_DB_ALIAS]
            else:
                connections[DEFAULT_DB_ALIAS] = theirs

    return on_it


def close_own() -> None:
    """Ends this thread's own session, if there is one."""
    own, _here.own = _here.own, None
    if own is not None:
        end(own)


def _make() -> BaseDatabaseWrapper:
    """By the same settings, but for a pool: that would take it back, and lend it to others."""
    own = connections[DEFAULT_DB_ALIAS].copy()
    own.settings_dict["CONN_MAX_AGE"] = None
    own.settings_dict["OPTIONS"].pop("pool", None)
    _here.own = own
    return own


def _forget_all() -> None:
    """In a forked child: the sessions are its parent's, and go on there. psycopg leaves them be."""
    _here.connection = _here.own = None


os.register_at_fork(after_in_child=_forget_all)


# --- What an action leaves behind -----------------------------------------------------------------
def end_what_is_open() -> str:
    """Rolls back every transaction that was left open on one of Django's connections in this
    thread, and ends its session: how that was left, or `""`. No round trip if there was none."""
    if not _here.was_opened:
        return ""
    found = ""
    opened = connections.all(initialized_only=True)
    for each in opened:
        if left := how_left(each):
            found = f"{each.alias!r}: {left}"
            each.in_atomic_block = False  # or Django would not open another session
            end(each)
    _here.was_opened = any(each.connection is not None for each in opened)
    return found


def how_left(mine: BaseDatabaseWrapper) -> str:
    """What keeps a session from beginning something new, by what this side of it knows; or `""`."""
    if mine.in_atomic_block:
        return "an atomic block was not left"
    if mine.connection is None:
        return ""
    if mine.get_autocommit() != mine.settings_dict["AUTOCOMMIT"]:
        return "autocommit was switched"
    server = getattr(mine.connection, "pgconn", None)  # not of another kind of database
    if server is None or server.status != ConnStatus.OK:
        return ""
    idle = server.transaction_status in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)
    return "" if idle else "a transaction was left open"


def _note_opened(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection is not _here.own:
        _here.was_opened = True
    if connection.alias == DEFAULT_DB_ALIAS and pooler() == "session" and limits_here():
        names, limits = zip(*limits_here().items(), strict=True)
        with connection.cursor() as cursor:
            sql = "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[])"
            cursor.execute(f"{sql} AS given (name, value)", [list(names), list(limits)])


connection_created.connect(_note_opened)


# --- A new session in place of one that is of no use ----------------------------------------------
def may_cure(error: BaseException) -> bool:
    """Whether a new session could do what one refused with this error (R22)."""
    return is_lost(error) or sqlstate_of(error) in CHANGED


def is_lost(error: BaseException) -> bool:
    """Whether it is nothing that was asked for, or is wrong, that this error is about."""
    return is_gone(error) or isinstance(error, OperationalError | InterfaceError)


def is_gone(error: BaseException) -> bool:
    """Whether nothing can be done any more over the session that said this."""
    sqlstate = sqlstate_of(error)
    return sqlstate in GONE or sqlstate[:2] in GONE


def sqlstate_of(error: BaseException) -> str:
    """Of one of Django's errors; `""` if PostgreSQL did not answer."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def end(mine: BaseDatabaseWrapper, *, others: bool = False) -> None:
    """Ends a session for good: its transaction is rolled back, and a pool does not lend it again;
    nor the `others` that it has. Never raises."""
    pool = getattr(mine, "pool", None) if others and mine.connection is not None else None
    with suppress(Exception):
        if mine.connection is not None:
            mine.connection.close()
    with suppress(Exception):
        mine.close()
    if pool is not None:
        with suppress(Exception):
            pool.drain()


def end_here() -> None:
    """Ends the session that this thread speaks over; the next statement gets a new one."""
    end(connection_here())


def give_up(error: BaseException) -> None:
    """Ends this thread's session after an error that another one could cure; outside of a
    transaction. What has come over one session of a pool, has come over all."""
    if may_cure(error):
        end(connection_here(), others=is_gone(error) or not sqlstate_of(error))


def repeated(call: Callable[P, T]) -> Callable[P, T]:
    """Makes `call` be made anew, over a new session, after an error which that could cure: whatever
    it looks up is looked up again, so a COMMIT in doubt is read before anything is done (R6).

    In its caller's transaction it is made once: that is lost with its session, and whoever began it
    has to begin it anew, which then gets another session.
    """

    @wraps(call)
    def until_it_holds(*args: P.args, **kwargs: P.kwargs) -> T:
        if _here.is_repeating:
            return call(*args, **kwargs)
        if connection_here().in_atomic_block:
            return _once(call, *args, **kwargs)
        _here.is_repeating = True
        try:
            return _again_and_again(call, *args, **kwargs)
        finally:
            _here.is_repeating = False

    return until_it_holds


def _again_and_again(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    pauses = iter(RECONNECTS)
    was_changed = False
    while True:
        leave_unsound()
        try:
            return call(*args, **kwargs)
        except Error as error:
            if not may_cure(error):
                raise
            give_up(error)
            is_changed = sqlstate_of(error) in CHANGED
            pause = 0.0 if is_changed else next(pauses, None)
            if pause is None or (is_changed and was_changed):
                raise
            was_changed = was_changed or is_changed
            logger.warning("The database did not take it (%s); again in %s s.", error, pause)
        time.sleep(pause)


def _once(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return call(*args, **kwargs)
    except Error as error:
        if is_gone(error):
            with suppress(Exception):  # Django opens another once the atomic block is left
                connection_here().connection.close()
        raise


def leave_unsound() -> None:
    """Ends this thread's session if nothing new can begin on it. A time limit that strikes inside a
    COMMIT leaves such a one: every later transaction would fail on it, or never be committed."""
    mine = connection_here()
    if mine.connection is None or mine.in_atomic_block:
        return
    if left := how_left(mine):
        logger.warning("A session is ended, and with it whatever was open on it: %s.", left)
        end(mine)
