"""What the tests share: sagas of their own, what was committed, and servers.

A test that takes `broker` runs on RabbitMQ and on Valkey, real ones.
"""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.test import TransactionTestCase

from deploy.consul_binary import NoConsul, consul_binary
from deploy.local_consul import LocalConsul, local_consul
from deploy.rabbitmq import NoRabbitMQ, local_rabbitmq
from sagas.bus import Bus
from sagas.devserver.servers import supervised_valkey
from sagas.listeners import Committed
from sagas.machine import Saga
from sagas.testing.workers import collected
from tests.emptying import empty_tables
from tests.realtime.brokers import Broker
from tests.servers import FOLDER

pytest_plugins = ["sagas.testing.plugin"]  # which an installed wheel brings along


@pytest.fixture(scope="session", autouse=True)
def _empty_tables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture
def define(define_saga: Callable[[Saga], Saga]) -> Callable[[Saga], Saga]:
    """The library's own fixture, under a shorter name."""
    return define_saga


@pytest.fixture
def committed() -> Iterator[list[Committed]]:
    """Every transition that is committed while the test runs, the newest last."""
    with collected() as told:
        yield told


@pytest.fixture(scope="session")
def agent_program() -> None:
    """Skips where there is no Consul to be had; in the CI that is a failure."""
    try:
        consul_binary(FOLDER)
    except NoConsul as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the CI has to have Consul: {error}", pytrace=False)
        pytest.skip(f"without Consul: {error}")


@pytest.fixture(scope="session")
def shared_agent(agent_program: None) -> Iterator[LocalConsul]:
    with local_consul(FOLDER) as agent:
        yield agent


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
