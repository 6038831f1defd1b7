"""Nothing of these tests leaves the process: transitions are kept instead of sent."""

from collections.abc import Iterator

import pytest

from sagas import engine


@pytest.fixture(autouse=True)
def committed() -> Iterator[list[engine.Committed]]:
    """Every transition that is committed while the test runs, the newest last."""
    told: list[engine.Committed] = []
    listeners = list(engine._listeners)
    engine._listeners[:] = [told.append]
    yield told
    engine._listeners[:] = listeners
