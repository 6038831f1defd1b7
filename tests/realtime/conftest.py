"""RabbitMQ and Valkey, real ones; a test that takes `broker` runs on both."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deploy.local_servers import supervised_valkey
from deploy.rabbitmq import NoRabbitMQ, local_rabbitmq
from realtime.bus import Bus
from tests.realtime.brokers import Broker, Listener
from tests.realtime.sagas_of_tests import SHOP
from tests.servers import FOLDER


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Broker]:
    try:
        with local_rabbitmq(FOLDER) as found:
            yield Broker(Bus(found.url), found.supervisor, "rabbitmq")
    except NoRabbitMQ as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"The CI tests RabbitMQ, too: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def valkey() -> Iterator[Broker]:
    """One of its own: a test stops it."""
    with supervised_valkey(FOLDER) as (url, supervisor):
        yield Broker(Bus(url), supervisor, "valkey")


@pytest.fixture(params=["rabbitmq", "valkey"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """With an exchange that no other test has."""
    found: Broker = request.getfixturevalue(request.param)
    bus = Bus(found.bus.url, f"test-{uuid4().hex[:8]}", visibility=2)
    return Broker(bus, found.supervisor, found.name)


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
