"""What goes wrong, how often, and the faults at COMMIT."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Literal

from django.db import OperationalError, connection

from tests.seams import at_every_commit
from tests.simulation.clock import START
from tests.simulation.stage import Actor, Killed, Stage

Chance = Literal[
    "killed before a commit",
    "killed after a commit",
    "lost before a commit",
    "lost after a commit",
    "killed before a publish",
    "killed after a publish",
    "message lost",
    "message doubled",
    "message delayed",
    "killed before the effect",
    "killed after the effect",
    "unreachable",
    "request lost",
    "request late",
    "request doubled",
    "answer lost",
    "reports twice",
    "starts twice",
    "session ill",
    "session left dirty",
]

CHANCES: Final[dict[Chance, float]] = {
    "killed before a commit": 0.006,
    "killed after a commit": 0.006,
    # A lost connection costs a new session: as rare as will do.
    "lost before a commit": 0.012,
    "lost after a commit": 0.012,
    "killed before a publish": 0.015,
    "killed after a publish": 0.008,
    "message lost": 0.05,
    "message doubled": 0.08,
    "message delayed": 0.1,
    "killed before the effect": 0.02,
    "killed after the effect": 0.02,
    "unreachable": 0.04,
    "request lost": 0.02,
    "request late": 0.04,
    "request doubled": 0.03,
    "answer lost": 0.04,
    "reports twice": 0.05,
    "starts twice": 0.03,
    # Each costs a new session, too.
    "session ill": 0.01,
    "session left dirty": 0.01,
}

ILLNESSES: Final = {
    "reads only": b"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "has lost its statements": b"DEALLOCATE ALL",
    "has another search_path": b"SET search_path = nowhere",
    "has another role": b"SET ROLE pg_monitor",
}
"""What has come over a session, in words → in SQL (R22)."""

DIRT: Final = (b"BEGIN", b"BEGIN; SELECT 1 / 0")
"""What an action leaves open on it (R23)."""

MEAN_BETWEEN_COMMITS: Final = 0.005
"""Seconds of simulated time: a healthy step takes a few commits of others."""

OUTAGE: Final = (1.0, 12.0)
"""Seconds for which the database takes no COMMIT: less and more than the engine waits for."""


class ConnectionLost(OperationalError):
    """As PostgreSQL's driver raises it; a class of its own, to tell it from a real one."""


class Faults:
    def __init__(self, stage: Stage) -> None:
        self.active = True
        self._stage = stage
        self._outage_until: datetime = START
        stage.spoilt = self.session_spoilt

    def strikes(self, chance: Chance) -> bool:
        """Whether it goes wrong this time. Never again once faults have ended."""
        return self.active and self._stage.rng.random() < CHANCES[chance]

    def end(self) -> None:
        self.active = False
        self._outage_until = START

    def database_goes_away(self) -> None:
        """For a while no COMMIT goes through."""
        away = timedelta(seconds=self._stage.rng.uniform(*OUTAGE))
        self._outage_until = self._stage.clock.now + away
        self._stage.note(f"the database takes nothing for {away.total_seconds():.1f} s")

    @contextmanager
    def session_spoilt(self, actor: Actor) -> Iterator[None]:
        """The session may be of no use to who acts within the block."""
        session = connection.connection
        is_ill = session is not None and self.strikes("session ill")
        if is_ill:
            illness = self._stage.rng.choice(list(ILLNESSES))
            self._stage.note(f"the session {illness}", actor.concern)
            session.pgconn.exec_(ILLNESSES[illness])
        try:
            yield
        finally:
            if is_ill and connection.connection is session:
                connection.close()
            elif is_ill:
                self._stage.races["R22"] += 1

    def leave_dirty(self, concern: str) -> None:
        """An action may leave a transaction open, or one that has failed."""
        if self.strikes("session left dirty"):
            connection.ensure_connection()
            connection.connection.pgconn.exec_(self._stage.rng.choice(DIRT))
            self._stage.races["R23"] += 1
            self._stage.note("leaves a transaction open", concern)

    @contextmanager
    def at_commit(self) -> Iterator[None]:
        """Every COMMIT within the block may be hit."""
        with at_every_commit(self._commit):
            yield

    def _commit(self, commit: Callable[[], None]) -> None:
        if self.strikes("killed before a commit"):
            _abort()
            raise Killed("before its commit")
        away = self._stage.clock.now < self._outage_until
        if away or self.strikes("lost before a commit"):
            _abort()  # at once: or who comes next might find the row locked by the lost one, or not
            self._lose("before")
        commit()
        self._stage.clock.move(self._stage.rng.expovariate(1 / MEAN_BETWEEN_COMMITS))
        self._stage.clock.tell_database()
        if self.strikes("lost after a commit"):
            self._lose("after")
        if self.strikes("killed after a commit"):
            raise Killed("after its commit")

    def _lose(self, moment: Literal["before", "after"]) -> None:
        actor = self._stage.actor
        actor.lost_at_commit.append(moment)
        self._stage.note(f"loses the connection, {moment} the commit", actor.concern)
        raise ConnectionLost("server closed the connection unexpectedly")


def _abort() -> None:
    """What the server does with the transaction of a client that is gone."""
    if connection.connection is not None:
        connection.connection.rollback()
