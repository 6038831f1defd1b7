"""Wake loops: each looks twice a second, as those of real workers do, and two may look at once."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from unittest import mock

import psycopg
from django.db import Error, connection

from sagas import engine
from sagas.registry import registry
from sagas.store import due
from sagas.testing.clock import around_statements
from sagas.worker.queues import routes_by_queue
from sagas.worker.wake_loop import AFTER_ERROR, BATCH, INTERVAL
from tests.simulation.broker import Broker
from tests.simulation.clock import START
from tests.simulation.codes import Codes
from tests.simulation.faults import Faults
from tests.simulation.stage import Actor, Stage

CHANCE_OF_ANOTHER: Final = 0.15
"""Of the other loop looking, after this one has found what is due and before it has handled it."""

CHANCE_OF_A_LOCK: Final = 0.05
"""Of a transaction elsewhere that holds a row that is due."""

FULL: Final = 5
FREE: Final = 1
"""Messages: with more, or with no more, the queue of this small world is so (R21, L2)."""

LOCK_ONE: Final = """
SELECT id, wake_at, hints_sent, last_seq FROM sagas_sagaexecution WHERE wake_at <= %s
ORDER BY wake_at, id LIMIT 1 FOR UPDATE
"""


class WakeLoop(Actor):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.concern = name
        self.next_look = START


class WakeLoops:
    def __init__(self, stage: Stage, faults: Faults, broker: Broker) -> None:
        self.codes: Codes  # set by the world
        self._all = [WakeLoop("loop 0"), WakeLoop("loop 1")]
        self._stage = stage
        self._broker = broker
        self._faults = faults
        self._other_session: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        if self._other_session is not None:
            self._other_session.close()

    def next_look(self) -> datetime:
        return min(each.next_look for each in self._all)

    def look(self) -> bool:
        """A loop whose time has come looks for what is due. Whether there was one."""
        able = [each for each in self._all if each.next_look <= self._stage.clock.now]
        if not able:
            return False
        loop = self._stage.rng.choice(able)
        if self._faults.active and self._stage.rng.random() < CHANCE_OF_A_LOCK:
            with self._one_is_locked_elsewhere():
                self._wake(loop)
        else:
            self._wake_beside_another(loop)
        return True

    def _wake(self, loop: WakeLoop) -> int:
        """How many executions it found due."""
        found = 0
        loop.code = self.codes.some() if self._faults.active else 1 - loop.code
        loop.next_look = self._stage.clock.now + timedelta(seconds=INTERVAL)
        with self._stage.process(loop):
            try:
                found = engine.wake(BATCH, self._queues)
            except Error as error:
                engine.end_session()
                self._stage.note(f"can't look: {error}", loop.name)
                loop.next_look += timedelta(seconds=AFTER_ERROR)
            if found:
                self._stage.note(f"found {found}, announced {sorted(loop.announced)}", loop.name)
        return found

    def _wake_beside_another(self, loop: WakeLoop) -> None:
        """What the other handles meanwhile, this one has found, too (R14)."""
        other = self._all[1 - self._all.index(loop)]
        may_come = self._faults.active and self._stage.rng.random() < CHANCE_OF_ANOTHER
        has_come = False

        def after_each_statement(execute: Any, sql: str, *arguments: Any) -> Any:
            nonlocal has_come
            result = execute(sql, *arguments)
            if may_come and not has_come and sql == due.DUE:
                has_come = True
                self._wake(other)
            return result

        with around_statements(after_each_statement):
            found = self._wake(loop)
        self._stage.races["R14 two loops"] += bool(
            has_come and other.announced and found > len(loop.announced)
        )

    def _queues(self, waited_for: Set[str]) -> engine.Queues:
        """What the broker says: all hints go to its one queue, whatever they are for."""
        length = len(self._broker.queue)
        by_queue = routes_by_queue(registry)
        is_free = length <= FREE
        self._stage.races["R21"] += is_free and bool(waited_for)
        return engine.Queues(
            full={
                route: name
                for name, routes in by_queue.items()
                for route in routes
                if length > FULL
            },
            free=by_queue.keys() if is_free else frozenset(),
        )

    @contextmanager
    def _one_is_locked_elsewhere(self) -> Iterator[None]:
        """Somebody is at work on the one that is due first; nobody waits for them (R14)."""
        if self._other_session is None:
            self._other_session = _new_session()
        with self._other_session.transaction(force_rollback=True):
            cursor = self._other_session.execute(LOCK_ONE, [self._stage.clock.now])
            before = cursor.fetchone()
            with mock.patch.object(self._stage, "meanwhile"):  # who waited for it would hang
                yield
            if before is not None:
                again = self._other_session.execute(
                    "SELECT id, wake_at, hints_sent, last_seq FROM sagas_sagaexecution "
                    "WHERE id = %s",
                    [before[0]],
                )
                self._stage.races["R14 a loop and a worker"] += again.fetchone() == before


def _new_session() -> "psycopg.Connection[Any]":
    settings = connection.get_connection_params()
    names = ("dbname", "user", "host", "port", "password")
    return psycopg.connect(
        **{name: settings[name] for name in names if settings.get(name)}, autocommit=True
    )
