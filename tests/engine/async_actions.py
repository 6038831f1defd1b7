"""Actions that are async, and what they noted."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from sagas import Retry, Saga, engine
from sagas.engine import SoftLimit, event_loop
from sagas.models import SagaEvent
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, row

NOTES: Final[list[Any]] = []
ONCE: Final = Retry(max_attempts=1)


class TookTooLong(Exception):
    """As a worker's limit raises it."""


@pytest.fixture(autouse=True)
def _no_notes() -> Iterator[None]:
    NOTES.clear()
    yield
    engine.close_event_loops()


def play(define: Any, committed: Any, *steps: Any, **context: Any) -> Any:
    """The row of a saga of these steps, once all is done."""
    define(Saga("shop", list(steps)))
    started = engine.start("shop", context)
    work_off(committed)
    check_history(started.execution_id)
    return row(started.execution_id)


def failures() -> list[tuple[str, str]]:
    """The error and the kind of each, in order."""
    found = SagaEvent.objects.filter(data__has_key="failure").order_by("pk")
    return [(each.data["failure"]["error"], each.data["failure"]["kind"]) for each in found]


def run_for(seconds: float, coroutine: Any) -> Any:
    """What it comes to within that limit."""
    return event_loop.run(coroutine, SoftLimit(time.monotonic() + seconds, TookTooLong))


async def note_loop(context: Any) -> None:
    await asyncio.sleep(0)
    NOTES.append(asyncio.get_running_loop())


def noting(word: Any) -> Callable[[Any], Any]:
    """An async function that notes a word, and returns it."""

    async def act(context: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        NOTES.append(word)
        return {"noted": word}

    return act


@asynccontextmanager
async def client() -> AsyncIterator[str]:
    NOTES.append("opened")
    try:
        yield "client"
    finally:
        await asyncio.sleep(0)
        NOTES.append("closed")


async def wait_and_note(word: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        NOTES.append(word)
