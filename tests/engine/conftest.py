"""Nothing of these tests leaves the process: transitions are kept instead of sent."""

import pytest
from django.conf import LazySettings

from tests.configured import configure


@pytest.fixture(autouse=True)
def _nothing_is_sent(committed: object) -> None:
    """Every test here has `committed`, whether or not it looks at it."""


@pytest.fixture(autouse=True)
def _no_bus(settings: LazySettings) -> None:
    """Nobody relays here; see `tests.realtime` for the rest of R19."""
    configure(settings, EVENTS_URL="")
