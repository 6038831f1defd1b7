"""The stream of events against commits at the worst moment."""

import asyncio
import json
from typing import Any

import pytest
from django.db import OperationalError, connection

from sagas import engine, queries
from sagas.live import close_codes, event_feed
from sagas.live.close_codes import Closed
from sagas.live.event_feed import EventFeed
from sagas.live.progress import opened, progress
from sagas.live.threads import in_news_thread, in_thread
from sagas.machine import Saga, SagaStep
from tests.engine.driving import ORDER, claim

pytestmark = pytest.mark.django_db(transaction=True)


def test_events_committed_at_the_very_moment_of_a_read_are_not_lost(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The saga ends between two reads, and no push tells of it."""
    define(Saga("shop", [SagaStep("a", lambda _: None)]))
    started = engine.start("shop", ORDER)
    work = claim(started.execution_id, "a")
    news = queries.news
    reads: list[dict[int, int]] = []

    def end_after_the_first(asked: dict[int, int]) -> Any:
        found = news(asked)
        if not reads:
            engine.succeed(work, None)
        reads.append(asked)
        return found

    monkeypatch.setattr(queries, "news", end_after_the_first)
    monkeypatch.setattr(event_feed, "LOOK_INTERVAL", 0.01)

    async def read_all() -> list[Any]:
        saga = await opened(started.saga_id, queries.OPERATOR)
        found = [json.loads(message.text) async for message in progress(EventFeed(), saga, 0)]
        for run_in in (in_thread, in_news_thread):  # or the test's database could not be dropped
            await run_in(lambda: connection.close())()  # that thread's own
        return found

    first, *events, last = asyncio.run(read_all())
    assert first["type"] == "snapshot"
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert (last["type"], last["status"], last["last_seq"]) == ("ended", "completed", 6)


def test_whoever_follows_is_told_when_the_database_stays_away(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(Saga("shop", [SagaStep("a", lambda _: None)]))
    started = engine.start("shop", ORDER)
    tries: list[Any] = []

    def fail(asked: Any) -> Any:
        tries.append(asked)
        raise OperationalError("away")

    monkeypatch.setattr(queries, "news", fail)
    monkeypatch.setattr(event_feed, "RETRY_INTERVAL", 0.01)

    async def read_all() -> None:
        saga = await opened(started.saga_id, queries.OPERATOR)
        await in_thread(lambda: connection.close())()
        async for _ in progress(EventFeed(), saga, saga.last_seq):
            pass

    with pytest.raises(Closed) as closed:
        asyncio.run(read_all())
    assert closed.value.code == close_codes.SERVER_ERROR
    assert len(tries) == event_feed.MOST_FAILURES
