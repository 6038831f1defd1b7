"""What the tests share: sagas of their own, and what was committed."""

import os
from collections.abc import Callable, Iterator

import pytest

from deploy.consul_binary import NoConsul, consul_binary
from deploy.local_consul import LocalConsul, local_consul
from sagas import listeners
from sagas.machine import Saga
from sagas.registry import registry
from tests.servers import FOLDER


@pytest.fixture
def define() -> Iterator[Callable[[Saga], Saga]]:
    """Makes a saga known for the length of a test."""
    known = dict(registry._sagas)

    def add(saga: Saga) -> Saga:
        registry.add(saga)
        return saga

    yield add
    registry._sagas.clear()
    registry._sagas.update(known)


@pytest.fixture
def committed() -> Iterator[list[listeners.Committed]]:
    """Every transition that is committed while the test runs, the newest last."""
    told: list[listeners.Committed] = []
    before = list(listeners._listeners)
    listeners._listeners[:] = [told.append]
    yield told
    listeners._listeners[:] = before


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
