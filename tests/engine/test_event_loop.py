"""The event loop of async actions: how long it is kept, and what it ends (R4)."""

import asyncio
import gc
import os
import threading
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from sagas import SagaStep, engine, lasting_tasks
from sagas.engine import event_loop
from tests.engine.async_actions import (  # noqa: F401  (with what every test here has)
    NOTES,
    TookTooLong,
    _no_notes,
    client,
    note_loop,
    noting,
    play,
    run_for,
    wait_and_note,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_loop_is_kept_from_step_to_step(define: Any, committed: Any) -> None:
    play(define, committed, SagaStep("a", note_loop), SagaStep("b", note_loop))
    first, second = NOTES
    assert first is second
    assert not first.is_closed()
    engine.close_event_loops()
    assert first.is_closed()


def test_what_a_task_left_running_would_do_is_cancelled(define: Any, committed: Any) -> None:
    async def leave(context: Any) -> None:
        NOTES.append(asyncio.create_task(wait_and_note("ended")))
        await asyncio.sleep(0)

    play(define, committed, SagaStep("a", leave), SagaStep("b", noting("the next")))
    assert NOTES[1:] == ["ended", "the next"]


def test_a_pool_that_is_made_once_keeps_its_tasks() -> None:
    """psycopg's has workers, without which it opens no connection."""
    given = connection.get_connection_params()
    named = {"host", "port", "user", "password", "dbname"}
    url = make_conninfo(**{name: value for name, value in given.items() if name in named})

    async def make() -> AsyncConnectionPool:
        pool = AsyncConnectionPool(url, min_size=1, max_size=2, open=False)
        with lasting_tasks():
            await pool.open(wait=True)
        return pool

    async def use(pool: AsyncConnectionPool) -> Any:
        async with pool.connection() as first, pool.connection(timeout=20) as second:
            await first.execute("SELECT 1")
            return await (await second.execute("SELECT 2")).fetchone()

    pool = event_loop.run(make())
    assert [event_loop.run(use(pool)) for _ in range(2)] == [(2,), (2,)]
    event_loop.run(pool.close())


def test_a_task_that_lasts_ends_with_its_loop() -> None:
    async def make() -> None:
        with lasting_tasks():
            NOTES.append(asyncio.create_task(wait_and_note("ended")))
        NOTES.append(asyncio.create_task(wait_and_note("cancelled")))
        await asyncio.sleep(0)

    event_loop.run(make())
    assert NOTES[2:] == ["cancelled"]
    event_loop.run(asyncio.sleep(0))
    assert NOTES[2:] == ["cancelled"]
    engine.close_event_loops()
    assert NOTES[2:] == ["cancelled", "ended"]


def test_a_task_that_does_not_end_goes_with_its_loop(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_loop, "ENDING", 0.05)

    async def go_on() -> None:
        while True:
            try:
                await asyncio.sleep(0.01)
                NOTES.append("went on")
            except asyncio.CancelledError:
                NOTES.append("not me")

    async def leave(context: Any) -> None:
        NOTES.append(asyncio.get_running_loop())
        NOTES.append(asyncio.create_task(go_on()))
        await asyncio.sleep(0)

    async def count(context: Any) -> None:
        before = len(NOTES)
        await asyncio.sleep(0.05)
        NOTES.append((asyncio.get_running_loop(), len(NOTES) - before))

    found = play(define, committed, SagaStep("a", leave), SagaStep("b", count))
    assert found.status == "completed"
    loop, went_on = NOTES[-1]
    assert loop is not NOTES[0]
    assert went_on == 0
    assert "not me" in NOTES


def test_a_generator_that_nobody_holds_is_closed_with_its_action(
    define: Any, committed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def numbers() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.01)
            NOTES.append("closed")

    async def leave(context: Any) -> None:
        async for _ in numbers():
            break

    play(define, committed, SagaStep("a", leave), SagaStep("b", noting("the next")))
    assert NOTES == ["closed", "the next"]
    assert "left running" not in caplog.text


def test_what_was_opened_for_good_stays_open_until_the_loop_is_closed(
    define: Any, committed: Any
) -> None:
    stack = AsyncExitStack()

    async def act(context: Any) -> None:
        await stack.enter_async_context(client())

    play(define, committed, SagaStep("a", act), SagaStep("b", noting("the next")))
    assert NOTES == ["opened", "the next"]
    engine.close_event_loops()
    assert NOTES == ["opened", "the next", "closed"]


def test_a_forked_child_makes_a_loop_of_its_own_and_leaves_its_parents_alone() -> None:
    async def loop() -> Any:
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    mine = event_loop.run(loop())
    pid = os.fork()
    if pid == 0:
        other = event_loop.run(loop())
        gc.collect()
        engine.close_event_loops()
        os._exit(0 if other is not mine and not mine.is_closed() else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert event_loop.run(loop()) is mine
    server = event_loop.run(echoed())
    assert server == b"hello"


async def echoed() -> bytes:
    """Needs the loop's selector, and not only its timers."""
    mine, other = os.pipe()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(mine, "rb"))
    loop.call_later(0.01, os.write, other, b"hello")
    try:
        return await reader.read(5)
    finally:
        transport.close()
        os.close(other)


# --- Limits ---------------------------------------------------------------------------------------
def test_r4_at_its_limit_an_action_is_cancelled_and_ends_in_order() -> None:
    with pytest.raises(TookTooLong) as raised:
        run_for(0.02, wait_and_note("ended"))
    assert NOTES == ["ended"]
    assert type(raised.value.__cause__) is asyncio.CancelledError


def test_r4_what_a_cancelled_action_raises_or_returns_counts() -> None:
    """As of a sync one that handles the error."""

    async def act(*, is_good: bool) -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            if not is_good:
                raise ValueError("told in time") from None
        return "done in time"

    with pytest.raises(ValueError, match="told in time"):
        run_for(0.02, act(is_good=False))
    assert run_for(0.02, act(is_good=True)) == "done in time"


def test_r4_a_cancel_of_its_own_is_no_timeout() -> None:
    async def act() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(30)

    with pytest.raises(asyncio.CancelledError):
        run_for(60, act())


def test_r4_a_group_of_tasks_is_cancelled_as_one() -> None:
    async def act() -> None:
        async with asyncio.TaskGroup() as group:
            for word in ("a", "b"):
                group.create_task(wait_and_note(word))

    with pytest.raises(TookTooLong):
        run_for(0.02, act())
    assert sorted(NOTES) == ["a", "b"]


def test_each_thread_has_a_loop_of_its_own_that_is_closed_with_the_process() -> None:
    async def loop() -> Any:
        return asyncio.get_running_loop()

    mine = event_loop.run(loop())
    thread = threading.Thread(target=lambda: NOTES.append(event_loop.run(loop())))
    thread.start()
    thread.join()
    [other] = NOTES
    assert other is not mine
    assert not other.is_closed(), "so that it can be closed in order"
    engine.close_event_loops()
    assert mine.is_closed()
    assert other.is_closed()
