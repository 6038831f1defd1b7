"""Nothing of these tests leaves the process: transitions are kept instead of sent."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings

from sagas.machine import Saga
from tests.configured import configure


@pytest.fixture(autouse=True)
def _nothing_is_sent(committed: object) -> None:
    """Every test here has `committed`, whether or not it looks at it."""


@pytest.fixture(autouse=True)
def _no_bus(settings: LazySettings) -> None:
    """Nobody relays here; see `tests.realtime` for the rest of R19."""
    configure(settings, EVENTS_URL="")


@pytest.fixture
def know(define: Callable[[Saga], Saga]) -> Callable[..., None]:
    def each_of(*sagas: Saga) -> None:
        for saga in sagas:
            define(saga)

    return each_of
