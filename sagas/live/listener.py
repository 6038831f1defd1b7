"""The one channel on which this process hears of moves.

Each process joins the group of all pushes once. So a stream opens, and closes, without a word to
the channel layer, and a layer that is away is tried again by one task and not by every stream.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from sagas.live import metrics
from sagas.live.layer import channel_layer
from sagas.live.push import GROUP

logger = logging.getLogger(__name__)

LAYER_LIMIT: Final = 5.0
"""Seconds for the channel layer to let this process join."""

REJOIN_INTERVAL: Final = 2.0
"""Seconds between two tries to join. Until then streams live by their looks at the database."""


PROBE_INTERVAL: Final = 3.0
"""Seconds between two messages that a process sends only to hear them. The layer mends its
connection in silence, so that only what comes through tells whether anything does."""

PROBES_MISSED: Final = 3
"""So many in a row, and the metric says that the layer is down."""

NOBODY: Final = 0
"""The execution of a probe: PostgreSQL counts from 1."""


class Listener:
    """Calls `on_push` with the executions of each push, and `on_joined` each time that the group
    was joined: what was pushed before that moment was not heard."""

    def __init__(
        self, on_push: Callable[[Sequence[int]], None], on_joined: Callable[[], None]
    ) -> None:
        self._on_push = on_push
        self._on_joined = on_joined
        self._heard_at = -math.inf
        metrics.LAYER_UP.set_function(self._is_up)
        self._tasks: list[asyncio.Task[None]] = []
        if (layer := channel_layer()) is not None:
            loop = asyncio.get_running_loop()
            self._tasks = [*map(loop.create_task, (self._listen(layer), self._probe(layer)))]

    def _is_up(self) -> float:
        return float(time.monotonic() - self._heard_at < PROBE_INTERVAL * PROBES_MISSED)

    async def _listen(self, layer: Any) -> None:
        def joined(channel: str) -> None:
            metrics.BACKLOG.set_function(partial(_backlog, layer, channel))
            self._on_joined()

        await listen_to_group(layer, GROUP, self._take, joined)

    def _take(self, message: dict[str, Any]) -> None:
        self._heard_at = time.monotonic()
        if message["execution_id"] != NOBODY:
            metrics.PUSHES.inc()
            self._on_push([message["execution_id"], *message.get("others", ())])

    async def _probe(self, layer: Any) -> None:
        while True:
            with suppress(Exception):  # the metric tells
                async with asyncio.timeout(LAYER_LIMIT):
                    await layer.group_send(GROUP, {"type": "saga.moved", "execution_id": NOBODY})
            await asyncio.sleep(PROBE_INTERVAL)


async def listen_to_group(
    layer: Any,
    group: str,
    on_message: Callable[[dict[str, Any]], None],
    on_joined: Callable[[str], None],
) -> None:
    """Calls `on_message` with each message to a group, for ever, and `on_joined` with the name of
    the channel each time that the group was joined: what was sent before that was not heard.

    For one task of a process, and never one of each socket: a layer that is away is tried again
    every REJOIN_INTERVAL.
    """
    is_failing = False
    while True:
        try:
            async with asyncio.timeout(LAYER_LIMIT):
                channel = await layer.new_channel()
                await layer.group_add(group, channel)
            on_joined(channel)
            is_failing = False
            while True:
                on_message(await layer.receive(channel))
        except Exception as error:
            if not is_failing:  # once, not every other second
                logger.warning("No pushes until the channel layer answers: %r", error)
            is_failing = True
            await asyncio.sleep(REJOIN_INTERVAL)


def _backlog(layer: Any, channel: str) -> float:
    """How many messages wait in this process's own queue; 0 for a layer that does not tell."""
    try:
        return float(layer.channels[channel].qsize())
    except (AttributeError, KeyError, RuntimeError):
        return 0.0
