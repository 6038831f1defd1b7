"""DBOS: workflows of five empty steps, in the way that `BENCH_WAY` names.

In the peers' environment; `python -m bench.drivers.dbos worker` is a worker of its queue.
"""

import os
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import psycopg
from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.drivers.driver import LOOK, LOOK_AT_MANY, STEPS, Driver, serve, until

QUEUE: Final = "bench"
POLLING: Final = 0.05
"""Seconds between two looks of a worker into the queue. DBOS's own second would be most of the
latency."""

ENDED: Final = """
SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = ANY(%s) AND status = 'SUCCESS'
"""


@DBOS.step()
def nothing() -> None:
    """No effect."""


@DBOS.workflow()
def five() -> None:
    for _ in range(STEPS):
        nothing()


def launch(listens: bool) -> None:
    """DBOS in this process, with the pool and the threads that it comes with."""
    found = urlsplit(os.environ["DATABASE_URL"])
    url = f"postgresql://{found.username}@{found.path}?host={unquote(found.hostname or '')}"
    config = DBOSConfig(
        name="bench",
        system_database_url=url,
        application_version="1",
        executor_id=str(os.getpid()),
        log_level="WARNING",
    )
    DBOS(config=config)
    DBOS.listen_queues([QUEUE] if listens else [])
    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=POLLING)


def at_once() -> str:
    """In this process, as many at a time as DBOS lets."""
    return DBOS.start_workflow(five).get_workflow_id()


def two_at_a_time() -> str:
    """In this process, on as many threads as everybody else has."""
    workflow_id = str(uuid.uuid4())
    _two.submit(_run, workflow_id)
    return workflow_id


def _run(workflow_id: str) -> None:
    with SetWorkflowID(workflow_id):
        five()


def queued() -> str:
    """By the workers, as many at a time as DBOS lets."""
    return DBOS.enqueue_workflow(QUEUE, five).get_workflow_id()


STARTS: Final = {
    "in process": at_once,
    "in process -c 2": two_at_a_time,
    "queue, 2 workers": queued,
}
_two: Final = ThreadPoolExecutor(2)


class Dbos(Driver):
    def __init__(self) -> None:
        launch(listens=False)
        self._start_one = STARTS[os.environ["BENCH_WAY"]]
        self._session = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self._started: list[str] = []

    def start(self, count: int, **what: Any) -> None:
        self._started += [self._start_one() for _ in range(count)]

    def wait(self) -> None:
        """Until each is there, and has ended: two at a time, most have not even begun."""
        started, self._started = self._started, []
        until(lambda: self._asked(ENDED, started) == len(started), LOOK_AT_MANY)

    def one(self) -> None:
        started = [self._start_one()]
        until(lambda: self._asked(ENDED, started), LOOK)

    def _asked(self, statement: str, *values: Any) -> Any:
        [answer] = self._session.execute(statement, values).fetchone() or [None]
        return answer


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        launch(listens=True)
        threading.Event().wait()
    serve(Dbos)
