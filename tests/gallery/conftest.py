"""Every example is known, and nothing leaves the process."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings

from examples.gallery import sagas
from examples.gallery.ledger import ledger
from sagas import Saga
from tests.configured import configure


@pytest.fixture(autouse=True)
def _examples(define: Callable[[Saga], Saga], settings: LazySettings) -> Iterator[None]:
    configure(settings, EVENTS_URL="")
    for value in vars(sagas).values():
        if isinstance(value, Saga):
            define(value)
    yield
    ledger.clear()
