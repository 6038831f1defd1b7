"""The pytest plugin: fixtures for tests of your own sagas. It needs pytest-django.

pytest loads it before Django is set up, so the engine is imported where a fixture needs it.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from sagas.machine import Saga

if TYPE_CHECKING:
    from sagas.testing.workers import Worker


@pytest.fixture
def saga_worker(db: None) -> "Iterator[Worker]":
    """A worker in the test's own process: `work_off()` does all that is due, `wait(seconds)` lets
    time go by. With `@pytest.mark.django_db(transaction=True)` the engine's transactions are real
    ones; without it they are part of the test's, which is faster and rolled back."""
    from sagas.testing.workers import working

    with working() as worker:
        yield worker


@pytest.fixture
def define_saga() -> Iterator[Callable[[Saga], Saga]]:
    """Makes a saga known for the length of a test: `define_saga(Saga("order", […]))`."""
    from sagas.testing.workers import definable

    with definable() as define:
        yield define
