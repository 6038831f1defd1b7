"""A chain of five empty tasks, the results of all of them kept by django-celery-results."""

import os
from typing import Any, Final

import django
import psycopg
from celery import chain

from bench.drivers.chain_tasks import nothing
from bench.drivers.driver import LOOK, LOOK_AT_MANY, STEPS, Driver, serve, until

KEPT: Final = """
SELECT count(*) FROM django_celery_results_taskresult
WHERE task_id = ANY(%s) AND status = 'SUCCESS'
"""


class CeleryChain(Driver):
    def __init__(self) -> None:
        django.setup()
        self._session = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self._last: list[str] = []
        """The last task of each chain that was started."""

    def start(self, count: int, **what: Any) -> None:
        for _ in range(count):
            self._last.append(self._start_one())

    def _start_one(self) -> str:
        sequence = chain(*(nothing.si() for _ in range(STEPS)))
        return str(sequence.apply_async().id)

    def wait(self) -> None:
        """The newest first, which is asked at little cost; then all."""
        last, self._last = self._last, []
        until(lambda: self._kept(last[-1:]) == len(last[-1:]), LOOK_AT_MANY)
        until(lambda: self._kept(last) == len(last), LOOK_AT_MANY)

    def one(self) -> None:
        task_id = self._start_one()
        until(lambda: self._kept([task_id]), LOOK)

    def _kept(self, task_ids: list[str]) -> Any:
        [count] = self._session.execute(KEPT, [task_ids]).fetchone() or [0]
        return count


if __name__ == "__main__":
    serve(CeleryChain)
