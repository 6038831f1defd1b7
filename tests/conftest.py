"""What the tests share: sagas of their own."""

from collections.abc import Callable, Iterator

import pytest

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
