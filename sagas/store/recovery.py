"""What a new session of PostgreSQL cures, and doing anew what an ill one did not take (R22)."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django.db import Error, InterfaceError, OperationalError

from sagas.store.sessions import connection_here, end, leave_unsound

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
    is_repeating = False


_here: Final = _Here()


def may_cure(error: BaseException) -> bool:
    """Whether a new session could do what one refused with this error (R22)."""
    return is_lost(error) or sqlstate_of(error) in CHANGED


def is_lost(error: BaseException) -> bool:
    """Whether it is nothing that was asked for, or is wrong, that this error is about."""
    return is_gone(error) or isinstance(error, OperationalError | InterfaceError)


def is_of_session(error: BaseException) -> bool:
    """Whether it says nothing of what was asked for: nobody answered, or the session is of no use.
    Else others need not wait for what was refused, because it took too long, say (L3)."""
    is_silence = isinstance(error, OperationalError | InterfaceError) and not sqlstate_of(error)
    return is_silence or is_gone(error)


def is_gone(error: BaseException) -> bool:
    """Whether nothing can be done any more over the session that said this."""
    sqlstate = sqlstate_of(error)
    return sqlstate in GONE or sqlstate[:2] in GONE


def sqlstate_of(error: BaseException) -> str:
    """Of one of Django's errors; `""` if PostgreSQL did not answer."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def give_up(error: BaseException) -> None:
    """Ends this thread's session after an error that another one could cure; outside of a
    transaction. What has come over one session of a pool, has come over all."""
    if may_cure(error):
        end(connection_here(), others=is_gone(error) or not sqlstate_of(error))


def repeated(call: Callable[P, T]) -> Callable[P, T]:
    """`call`, each time by `repeat`."""

    @wraps(call)
    def until_it_holds(*args: P.args, **kwargs: P.kwargs) -> T:
        return repeat(call, *args, **kwargs)

    return until_it_holds


def repeat(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls it, and anew over a new session after an error which that could cure: whatever it looks
    up is looked up again, so a COMMIT in doubt is read before anything is done (R6).

    In its caller's transaction it is called once: that is lost with its session, and whoever began
    it has to begin it anew, which then gets another session.
    """
    if _here.is_repeating:
        return call(*args, **kwargs)
    if connection_here().in_atomic_block:
        return _once(call, *args, **kwargs)
    pauses, was_changed = iter(RECONNECTS), False
    _here.is_repeating = True
    try:
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
                said = "A database operation failed (%s); trying again in %s s."
                logger.warning(said, error, pause)
            time.sleep(pause)
    finally:
        _here.is_repeating = False


def _once(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return call(*args, **kwargs)
    except Error as error:
        if is_gone(error):
            with suppress(Exception):  # Django opens another once the atomic block is left
                connection_here().connection.close()
        raise
