"""What the tests share: sagas of their own, and what was committed."""

from collections.abc import Callable, Iterator

import pytest

from sagas import engine
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
def committed() -> Iterator[list[engine.Committed]]:
    """Every transition that is committed while the test runs, the newest last."""
    told: list[engine.Committed] = []
    listeners = list(engine._listeners)
    engine._listeners[:] = [told.append]
    yield told
    engine._listeners[:] = listeners
