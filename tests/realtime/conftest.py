"""The bus of a test, on the `broker` of tests/conftest.py: so it runs on RabbitMQ and on Valkey."""

from collections.abc import Iterator
from typing import Any

import pytest

from sagas.bus import Bus
from tests.realtime.brokers import Broker, Listener
from tests.realtime.sagas_of_tests import SHOP


@pytest.fixture
def bus(broker: Broker) -> Bus:
    return broker.bus


@pytest.fixture
def listener(bus: Bus) -> Iterator[Listener]:
    found = Listener(bus)
    yield found
    found.close()


@pytest.fixture
def shop(define: Any, committed: Any) -> None:
    """The saga of these tests; what it does is sent to nobody but the bus."""
    define(SHOP)
