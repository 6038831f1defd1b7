"""The one thread of a process that pushes, and what its pushes say to those who listen."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain

import pytest
from channels.layers import get_channel_layer

from sagas.listeners import Committed
from sagas.live import listener, push
from sagas.live.listener import Listener
from sagas.machine import Saga, SagaStep

LIMIT = 5
"""Seconds; a child that inherits a lock whose holder it lacks would wait for ever."""

SHOP = Saga("shop", [SagaStep("a", print)])


def committed(execution_ids: Sequence[int]) -> list[Committed]:
    return [Committed(pk, f"s-{pk}", SHOP, 1, ()) for pk in execution_ids]


@asynccontextmanager
async def pushes(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Queue[list[int]]]:
    """The executions of each push that this process hears, by the real layer."""
    monkeypatch.setattr(listener, "PROBE_INTERVAL", 3600.0)
    heard: asyncio.Queue[list[int]] = asyncio.Queue()
    joined = asyncio.Event()
    one = Listener(lambda ids: heard.put_nowait(list(ids)), joined.set)
    try:
        async with asyncio.timeout(LIMIT):
            await joined.wait()
        yield heard
    finally:
        for task in one._tasks:
            task.cancel()
        await asyncio.gather(*one._tasks, return_exceptions=True)
        await get_channel_layer().flush()


async def next_of(heard: asyncio.Queue[list[int]]) -> list[int]:
    async with asyncio.timeout(LIMIT):
        return await heard.get()


def test_the_first_goes_at_once_and_what_comes_meanwhile_goes_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(push, "PAUSES", (1.0, 1.0))

    async def run() -> None:
        async with pushes(monkeypatch) as heard:
            pusher = push.Pusher(get_channel_layer())
            pusher.push(committed([1]))
            assert await next_of(heard) == [1]
            for pk in (*range(1, 100), *range(1, 100)):
                pusher.push(committed([pk]))
            assert await next_of(heard) == list(range(1, 100))
            assert heard.empty()

    asyncio.run(run())


def test_a_start_of_thousands_is_told_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[list[int]]:
        async with pushes(monkeypatch) as heard:
            push.Pusher(get_channel_layer()).push(committed(range(1, 2501)))
            return [await next_of(heard) for _ in range(3)]

    parts = asyncio.run(run())
    assert [len(part) for part in parts] == [1000, 1000, 500]
    assert [*chain(*parts)] == list(range(1, 2501))


def test_r15_old_and_new_processes_understand_each_others_pushes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Old code sends what `old` is, and reads nothing else of what is sent now."""
    old = {"type": "saga.moved", "execution_id": 17, "seq": 1}

    async def run() -> None:
        layer = get_channel_layer()
        async with pushes(monkeypatch) as heard:
            channel = await layer.new_channel()
            await layer.group_add(push.GROUP, channel)
            await layer.group_send(push.GROUP, old)
            assert await next_of(heard) == [17]
            for executions in ([17], [17, 18]):
                push.Pusher(get_channel_layer()).push(committed(executions))
                assert await next_of(heard) == executions
            sent = [await layer.receive(channel) for _ in range(3)]
            assert sent == [old, old, {**old, "others": [18]}]

    asyncio.run(run())


@pytest.mark.parametrize("made", [False, True])
def test_a_child_that_was_forked_in_the_middle_of_a_push_can_push(made: bool) -> None:
    if made:
        push.push(committed([1]))
    with push._lock:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LIMIT)
            push.push(committed([1]))
            os._exit(0)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
