"""Without a channel layer, or with one that fails: told once, and nothing else is different."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import channel_layers

from sagas.api.health import CHECKS
from sagas.broker import checks
from sagas.live import layer, listener, push
from sagas.live.listener import Listener
from tests.realtime.test_push import LIMIT, committed

LAYERS: dict[str, Any] = {
    "none": {},
    "another": {"other": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    "unknown": {"default": {"BACKEND": "no.such.Layer"}},
}


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    def forget() -> None:
        push._begin_anew()
        layer._say.cache_clear()
        channel_layers.backends.clear()

    forget()
    yield
    forget()


@pytest.mark.parametrize("layers", LAYERS)
def test_without_a_layer_it_is_said_once(
    settings: Any, caplog: pytest.LogCaptureFixture, layers: str
) -> None:
    settings.CHANNEL_LAYERS = LAYERS[layers]

    async def listen() -> list[Any]:
        return Listener(print, print)._tasks

    for _ in range(3):
        push.push(committed([1, 2]))
        assert asyncio.run(listen()) == []
    assert isinstance(push._pusher, push.PusherUnavailable), "no thread"
    [said] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "every two seconds" in said.getMessage()
    if layers != "unknown":
        CHECKS["channel_layer"]()
        assert [found.id for found in checks.check_channel_layer()] == ["sagas.W020"]


class Failing:
    """A layer that can be told to fail, or not to."""

    def __init__(self) -> None:
        self.fails, self.calls = True, 0

    async def group_send(self, group: str, message: Any) -> None:
        self.calls += 1
        if self.fails:
            raise ConnectionRefusedError("no layer")

    async def new_channel(self) -> str:
        await self.group_send("", None)
        return "channel"


def test_a_layer_that_fails_is_told_once_and_once_when_it_is_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    failing = Failing()
    pusher = push.Pusher(failing)

    async def send(times: int) -> None:
        for number in range(times):
            await pusher._send([(number + 1, 1)])

    asyncio.run(send(5))
    assert [record.name for record in caplog.records] == ["sagas.live.push"]
    failing.fails = False
    asyncio.run(send(5))
    assert [record.getMessage()[:25] for record in caplog.records][1:] == [
        "The channel layer accepts"
    ]

    async def listen() -> None:
        monkeypatch.setattr(listener, "REJOIN_INTERVAL", 0.0)
        monkeypatch.setattr(listener, "channel_layer", lambda: failing)
        failing.fails, failing.calls = True, 0
        one = Listener(print, print)
        async with asyncio.timeout(LIMIT):
            while failing.calls < 10:
                await asyncio.sleep(0)
        for task in one._tasks:
            task.cancel()

    asyncio.run(listen())
    assert [record.name for record in caplog.records][2:] == ["sagas.live.listener"]


def test_an_in_memory_layer_is_told_by_a_check(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    assert [found.id for found in checks.check_channel_layer()] == ["sagas.W020"]
