"""Sessions of PostgreSQL: whose the engine speaks over, and how one is ended (R23).

In a worker the engine has a session of its own, since actions may leave theirs in any state: with
another search_path or role, amid a transaction, closed. Everywhere else it speaks over Django's
connection: whoever calls it there may have a transaction open, which a start has to join.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg.pq import ConnStatus, TransactionStatus

from sagas.conf import conf

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


CANCELLING: Final = 1.0
"""Seconds to reach the server with the wish that a statement ends."""


class _Here(threading.local):
    connection: BaseDatabaseWrapper | None = None
    """The one to speak over: Django's, or the engine's own."""
    own: BaseDatabaseWrapper | None = None
    has_own = False
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
    return str(conf.POOLER)


def limits_here() -> Mapping[str, str]:
    """Settings of PostgreSQL that no start-up parameter has said."""
    limits: Mapping[str, str] = conf.DATABASE_LIMITS
    return limits


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
    """Makes `call` speak over the thread's own session, if it has one. What asks Django for its
    connection meanwhile needs `in_place_of_djangos`, too."""

    @wraps(call)
    def on_it(*args: P.args, **kwargs: P.kwargs) -> T:
        if not _here.has_own or (_here.own is not None and _here.connection is _here.own):
            return call(*args, **kwargs)
        _here.connection = _here.own or _make()
        try:
            return call(*args, **kwargs)
        finally:
            _here.connection = None

    return on_it


@contextmanager
def in_place_of_djangos() -> Iterator[None]:
    """Within the block, the session that `on_own` speaks over is `django.db.connection`: for
    transactions and cursors of Django's. It takes longer than a short statement does."""
    own = _here.own
    if own is None or _here.connection is not own:
        yield
        return
    theirs = connections[DEFAULT_DB_ALIAS] if _here.was_opened else None
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        if theirs is None:
            del connections[DEFAULT_DB_ALIAS]
        else:
            connections[DEFAULT_DB_ALIAS] = theirs


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


# --- One thread's sessions in another -------------------------------------------------------------
@contextmanager
def over(theirs: Sequence[BaseDatabaseWrapper]) -> Iterator[None]:
    """Within the block, this thread speaks over Django's connections of another one, which does not
    use them meanwhile."""
    _here.connection = None
    for each in theirs:
        each.inc_thread_sharing()
        connections[each.alias] = each
    try:
        yield
    finally:
        _here.connection = None
        for each in theirs:
            each.dec_thread_sharing()


def note_opened() -> None:
    """Another thread may have opened this one's connections."""
    _here.was_opened = True


def interrupt() -> None:
    """Ends the statements that another thread runs over Django's connections of this one."""
    for each in connections.all(initialized_only=True):
        with suppress(Exception):  # it may have none, or be of another kind of database
            each.connection.cancel_safe(timeout=CANCELLING)


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
        # That of Django's TestCase is around all that a test does. It is known as Django knows it.
        is_tests_own = bool(mine.atomic_blocks) and is_of_test_case(mine.atomic_blocks[-1])
        return "" if is_tests_own else "an atomic block was not left"
    if mine.connection is None:
        return ""
    if mine.get_autocommit() != mine.settings_dict["AUTOCOMMIT"]:
        return "autocommit was switched"
    server = getattr(mine.connection, "pgconn", None)  # not of another kind of database
    if server is None or server.status != ConnStatus.OK:
        return ""
    idle = server.transaction_status in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)
    return "" if idle else "a transaction was left open"


def is_of_test_case(block: object) -> bool:
    """Whether Django's `TestCase` opened this atomic block: by the mark that Django itself goes by
    when it lets a durable block stand inside (django.db.transaction, 5.2)."""
    return bool(getattr(block, "_from_testcase", False))


def _note_opened(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection is not _here.own:
        _here.was_opened = True
    if connection.alias == DEFAULT_DB_ALIAS and pooler() == "session" and limits_here():
        names, limits = zip(*limits_here().items(), strict=True)
        with connection.cursor() as cursor:
            sql = "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[])"
            cursor.execute(f"{sql} AS given (name, value)", [list(names), list(limits)])


connection_created.connect(_note_opened)


# --- The end of a session -------------------------------------------------------------------------
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


def leave_unsound() -> None:
    """Ends this thread's session if nothing new can begin on it. A time limit that strikes inside a
    COMMIT leaves such a one: every later transaction would fail on it, or never be committed."""
    mine = connection_here()
    if mine.connection is None or mine.in_atomic_block:
        return
    if left := how_left(mine):
        logger.warning("A session was closed, with everything that was open on it: %s.", left)
        end(mine)
