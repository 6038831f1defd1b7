"""Both brokers of the event bus, and somebody who listens to it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from sagas.bus import Bus, Delivery, Source, Subscription
from sagas.devserver.supervisor import Supervisor

LIMIT = 120.0
"""Seconds for anything that a test waits for."""


@dataclass
class Broker:
    """A broker with an exchange for one test; `server` runs it under `name`, to be killed."""

    bus: Bus
    supervisor: Supervisor
    name: str

    def stop(self) -> None:
        self.supervisor.stop(self.name)

    def start(self) -> None:
        self.supervisor.restart(self.name)


@dataclass
class Listener:
    """Keeps what comes, in order, acknowledged."""

    bus: Bus
    queue: str = "all"
    patterns: Sequence[str] = ("#",)
    heard: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        source = Source(f"{self.bus.exchange}.{self.queue}", self.patterns)
        self.subscription = Subscription(self.bus, [source], self._hear)

    def _hear(self, delivery: Delivery) -> None:
        self.heard.append(delivery)
        delivery.ack()

    def until(self, enough: Callable[[], Any]) -> None:
        """Listens until `enough()`."""
        deadline = time.monotonic() + LIMIT
        while not enough():
            assert time.monotonic() < deadline, f"heard only {len(self.heard)}"
            self.subscription.drain(0.1)

    def hear(self, count: int) -> list[Delivery]:
        """The first `count` messages."""
        self.until(lambda: len(self.heard) >= count)
        return self.heard

    def rest(self) -> None:
        """Listens for as long as something comes."""
        before = -1
        while before != len(self.heard):
            before = len(self.heard)
            self.subscription.drain(0.3)

    def close(self) -> None:
        self.subscription.close()


def writes_to_rabbitmq(channel: Any, patch: pytest.MonkeyPatch) -> list[int]:
    """Gets the size of each write to the channel's connection from now on."""
    transport, sizes = channel.connection.transport, list[int]()
    write = transport.write

    def counted(data: bytes) -> None:
        sizes.append(len(data))
        write(data)

    patch.setattr(transport, "write", counted)
    return sizes
