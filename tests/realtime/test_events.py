"""The stream of events against commits at the worst moment."""

import asyncio
from typing import Any

import pytest

from realtime import progress
from sagas import engine, queries
from sagas.machine import Saga, SagaStep
from tests.engine.driving import ORDER, claim

pytestmark = pytest.mark.django_db(transaction=True)


def test_events_committed_between_the_read_and_the_look_at_the_end_are_not_lost(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The saga ends just after the stream has read everything that there was."""
    define(Saga("shop", [SagaStep("a", lambda _: None)]))
    started = engine.start("shop", ORDER)
    work = claim(started.execution_id, "a")
    is_all = queries.is_all

    def end_first(execution_id: int, after: int) -> bool:
        if after == 4:
            engine.succeed(work, None)
        return is_all(execution_id, after)

    monkeypatch.setattr(queries, "is_all", end_first)

    async def read_all() -> list[int]:
        moved = asyncio.Event()
        moved.set()
        events = progress._events(started.execution_id, 0, moved)
        return [event.seq async for event in events]

    monkeypatch.setattr(progress, "LOOK_INTERVAL", 0.01)
    assert asyncio.run(read_all()) == [1, 2, 3, 4, 5, 6]
