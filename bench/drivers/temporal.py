"""Temporal's development server with its Python SDK; `python -m bench.drivers.temporal worker` is a
worker. In the peers' environment."""

import asyncio
import os
import sys
import threading
import time
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from temporalio.client import Client
from temporalio.worker import Worker

from bench.drivers.driver import PATIENCE, Driver, serve
from bench.drivers.temporal_tasks import QUEUE, Five, nothing

SERVER_SECONDS: Final = 30.0
"""For the server to start."""

RETRY_SECONDS: Final = 0.2


async def connected() -> Client:
    """A client, as soon as the server takes one."""
    deadline = time.monotonic() + SERVER_SECONDS
    while True:
        try:
            return await Client.connect(os.environ["BENCH_TEMPORAL"])
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def work() -> None:
    """A worker with the SDK's own limits, until it is killed."""
    with ThreadPoolExecutor() as threads:
        worker = Worker(
            await connected(),
            task_queue=QUEUE,
            workflows=[Five],
            activities=[nothing],
            activity_executor=threads,
        )
        await worker.run()


class Temporal(Driver):
    """The SDK is asyncio: a thread keeps its loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._client = self._now(connected())
        self._started: list[Any] = []

    def start(self, count: int, **what: Any) -> None:
        self._started += [self._now(self._start_one()) for _ in range(count)]

    async def _start_one(self) -> Any:
        return await self._client.start_workflow(Five.run, id=str(uuid.uuid4()), task_queue=QUEUE)

    def wait(self) -> None:
        started, self._started = self._started, []
        self._now(_results(started))

    def one(self) -> None:
        self._now(self._now(self._start_one()).result())

    def _now(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(PATIENCE)


async def _results(started: list[Any]) -> None:
    await asyncio.gather(*(each.result() for each in started))


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        asyncio.run(work())
    serve(Temporal)
