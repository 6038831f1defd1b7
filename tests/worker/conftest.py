"""A worker's child without its worker: Celery's tracers, in this process."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from celery.app.trace import build_tracer
from django.conf import LazySettings

from sagas import engine
from sagas.conf import conf
from sagas.listeners import Committed
from sagas.machine import Direction, Saga
from sagas.worker.fast import batch, latency
from sagas.worker.names import task_name
from sagas.worker.steps import register_tasks
from tests.configured import configure
from tests.worker import calls

Worker = Callable[..., None]


@pytest.fixture
def budget(settings: LazySettings, committed: Any) -> None:
    configure(settings, INLINE_STEPS=20, INLINE_MS=60_000)
    calls.MADE.clear()
    for place in latency._places.values():
        latency._runs[place] = 0
    batch.stopping(is_so=False)  # a worker's loop that another test has stopped said so


@pytest.fixture
def worker(
    define: Any, budget: None, committed: list[Committed]
) -> Iterator[Callable[[list[Any]], Worker]]:
    """Makes a saga and its tasks, and what hands a worker the message for one of its steps, with
    headers of one's own; without the fast path, those that follow from it, too."""
    known = dict(current_app.tasks)

    def make(steps: list[Any]) -> Worker:
        saga = define(Saga("shop", steps))
        register_tasks([saga])
        for name, task in current_app.tasks.items():
            if name.startswith("shop."):
                task.__trace__ = build_tracer(name, task, hostname="w@here", app=current_app)

        def run(name: str, execution_id: int, fence: int, **headers: Any) -> None:
            request = {"id": str(uuid4()), "task": name, "hostname": "w@here", **headers}
            request.setdefault("delivery_info", {})
            trace = current_app.tasks[name].__trace__
            trace(request["id"], (execution_id, fence), {}, request)

        def receive(execution_id: int, step: str, fence: int = 0, **headers: Any) -> None:
            before = len(committed)
            run(task_name("shop", step, Direction.ACTION), execution_id, fence, **headers)
            while not conf.FAST and len(committed) > before:
                told = committed.pop(before)
                for hint in told.hints if told.execution_id == execution_id else ():
                    name = task_name("shop", hint.step, hint.direction)
                    run(name, execution_id, hint.fence)

        return receive

    yield make
    engine.close_own_session()  # this thread lives on, with a database that is to be dropped
    for name in set(current_app.tasks) - set(known):
        current_app.tasks.unregister(name)
