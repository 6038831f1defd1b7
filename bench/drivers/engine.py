"""The engine: sagas of empty steps, seen in their rows."""

import os
from collections.abc import Sequence
from typing import Any, Final

import django
import psycopg

from bench.drivers.driver import LOOK, LOOK_AT_MANY, Driver, serve, timed, until

BULK: Final = 500
BULK_KILOBYTES: Final = 8 * 1024
"""Sagas to a call of `start_many`, and their contexts together: what a batch job would send."""

LEFT: Final = "SELECT EXISTS (SELECT FROM sagas_sagaexecution WHERE wake_at IS NOT NULL)"
UNRELAYED: Final = "SELECT EXISTS (SELECT FROM sagas_sagaexecution WHERE unrelayed)"
STATUS: Final = "SELECT status FROM sagas_sagaexecution WHERE id = %s"
"""Each by an index: they have to stay as cheap beside a million rows."""


class Engine(Driver):
    def __init__(self) -> None:
        django.setup()
        from sagas import engine

        self._engine: Any = engine
        self._session = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

    def start(
        self,
        count: int,
        kilobytes: int = 0,
        saga_type: str = "bench_five",
        singly: bool = False,
        **what: Any,
    ) -> None:
        """In bulk where the engine can, as a batch job would, or `singly`. `kilobytes` of context
        each."""
        # Less what is around it, so that 256 is what the engine just takes.
        context = {"filler": os.urandom(kilobytes * 512 - 64).hex()} if kilobytes else {}
        if self.has_bulk() and not singly:
            size = min(BULK, BULK_KILOBYTES // max(1, kilobytes))
            for first in range(0, count, size):
                new = [self._engine.NewSaga(context) for _ in range(min(size, count - first))]
                self._engine.start_many(saga_type, new)
        else:
            for _ in range(count):
                self._engine.start(saga_type, context)

    def has_bulk(self) -> bool:
        """An older engine has only single starts."""
        return hasattr(self._engine, "start_many")

    def start_in_bulk(self, count: int) -> float:
        """How long so many starts take, their hints among it."""
        return timed(lambda: self.start(count))

    def start_one_by_one(self, count: int) -> float:
        """The same, each in a transaction of its own, as single requests make them."""
        return timed(lambda: self.start(count, singly=True))

    def _start_one(self, saga_type: str = "bench_five") -> int:
        started: int = self._engine.start(saga_type, {}).execution_id
        return started

    def wait(self) -> None:
        until(lambda: not self._asked(LEFT), LOOK_AT_MANY)
        self.wait_for_relay()

    def wait_for_relay(self) -> None:
        """Until all events are on the bus."""
        until(lambda: not self._asked(UNRELAYED), LOOK_AT_MANY)

    def one(self) -> None:
        started = self._start_one()
        until(lambda: self._asked(STATUS, started) == "completed", LOOK)

    def example(self, saga_type: str, wait: bool = True) -> int:
        """The id of a new execution; once the workers have nothing to do for it, if `wait`."""
        started = self._start_one(saga_type)
        if wait:
            self.wait()
        return started

    def claims(self, count: int) -> list[float]:
        """How long each of so many claims took, of steps that no worker takes."""
        ids = [self._start_one("bench_claimed") for _ in range(count)]
        self.wait_for_relay()
        latencies = [timed(lambda each=each: self._claim(each)) for each in ids]  # type: ignore[misc]
        self._forget(ids)
        return latencies

    def _claim(self, execution_id: int) -> None:
        from sagas.machine import Direction

        work = self._engine.claim(execution_id, "only", Direction.ACTION, 0)
        assert work is not None, "nobody else takes what goes to the queue of nobody"

    def _forget(self, ids: Sequence[int]) -> None:
        """Nobody is to wait for them."""
        for table, key in (("sagas_sagaevent", "execution_id"), ("sagas_sagaexecution", "id")):
            self._session.execute(f"DELETE FROM {table} WHERE {key} = ANY(%s)", [ids])  # noqa: S608

    def _asked(self, statement: str, *values: Any) -> Any:
        [answer] = self._session.execute(statement, values).fetchone() or [None]
        return answer


if __name__ == "__main__":
    serve(Engine)
