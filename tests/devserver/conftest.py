"""A place for the data of embedded servers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One for all tests of a module, because a new database cluster takes its time. It is not below
    pytest's own, which each new session of pytest closes to the user as whom PostgreSQL runs."""
    with tempfile.TemporaryDirectory(prefix="sagas-") as found:
        yield Path(found)
