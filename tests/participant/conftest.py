"""A shop, and threads that run at the same time as the test."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from tests.participant.shop import Shop
from tests.waiting import wait_until

Begin = Callable[..., Future[Any]]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def begin(transactional_db: None) -> Iterator[Begin]:
    """Calls a function in a thread with a connection of its own; its result is in the future."""
    pool = ThreadPoolExecutor(16)

    def run(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        finally:
            connection.close()

    yield lambda function, *arguments: pool.submit(run, function, *arguments)
    pool.shutdown()


@pytest.fixture
def wait_until_blocked(transactional_db: None) -> Callable[[int], None]:
    """Returns once so many sessions of the test's database wait for a lock."""
    blocked = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def holds(count: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(blocked)
            return bool(cursor.fetchone() == (count,))

    return lambda count: wait_until(lambda: holds(count))
