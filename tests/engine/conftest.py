"""Nothing of these tests leaves the process: transitions are kept instead of sent."""

import pytest


@pytest.fixture(autouse=True)
def _nothing_is_sent(committed: object) -> None:
    """Every test here has `committed`, whether or not it looks at it."""
