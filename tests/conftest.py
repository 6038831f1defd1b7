"""What the tests share: sagas of their own, and what was committed."""

from collections.abc import Callable, Iterator

import pytest

from sagas import listeners
from sagas.machine import Saga
from sagas.registry import registry


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
