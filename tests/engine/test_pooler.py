"""Behind a PgBouncer as Debian has it (R27): it refuses the start-up parameter `options`, shares
sessions among clients, and knows no prepared statements in its transaction mode."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.db import ProgrammingError, connection, connections

from deploy.pgbouncer import NoPgBouncer, pgbouncer
from sagas import engine
from sagas.checks import check_session
from sagas.conf.reference import DATABASE_LIMITS
from sagas.engine import NewSaga
from sagas.machine import Direction, Saga, SagaStep, WaitFor
from sagas.store import statements
from tests.configured import configure
from tests.engine.driving import ORDER, claim, pass_time, row
from tests.servers import FOLDER
from tests.surroundings.marks import one_session
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), one_session]

SESSIONS = 3
CLIENTS = 8
"""More than there are sessions: each statement comes over another one."""

LOCK_TIMEOUT = "SELECT current_setting('lock_timeout')"


@pytest.fixture(params=["transaction", "session"])
def mode(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def pooled(mode: str, settings: LazySettings) -> Iterator[str]:
    """All connections of this process lead through one, while the test runs."""
    try:
        sessions = SESSIONS if mode == "transaction" else 20
        with pgbouncer(os.environ["DATABASE_URL"], FOLDER, mode, sessions=sessions) as url:  # type: ignore[arg-type]
            configure(settings, POOLER=mode, DATABASE_LIMITS=DATABASE_LIMITS)
            with leading_to(url):
                yield mode
    except NoPgBouncer as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"The CI tests PgBouncer, too: {error}")
        pytest.skip(str(error))


class leading_to:
    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._new = {"HOST": place.hostname, "PORT": place.port, "OPTIONS": {"connect_timeout": 20}}

    def __enter__(self) -> None:
        connection.close()
        self._before = dict(connection.settings_dict)
        connections.settings["default"].update(self._new)
        connection.settings_dict.update(self._new)

    def __exit__(self, *_: object) -> None:
        connection.close()
        connections.settings["default"].update(self._before)
        connection.settings_dict.update(self._before)


def in_threads(count: int, call: Callable[[], Any]) -> list[Any]:
    def run() -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [each.result(60) for each in [pool.submit(run) for _ in range(count)]]


def live() -> str:
    """The whole life of some sagas, as people and workers drive it."""
    one = engine.start("shop", ORDER)
    others = engine.start_many("shop", [NewSaga(ORDER) for _ in range(3)])
    for each in others:
        engine.cancel(each.saga_id, by="me")
    work = claim(one.execution_id, "reserve")
    reported = engine.succeed(work, {"x": 1}, lambda step, direction: True)
    assert reported.next is not None
    engine.succeed(reported.next, None)
    engine.signal(one.saga_id, "paid")
    assert [row(each.execution_id).status for each in others] == ["compensated"] * 3
    return row(one.execution_id).status


def test_r27_sagas_live_behind_it(pooled: str, define: Any) -> None:
    steps = [SagaStep("reserve", lambda _: None), SagaStep("charge", lambda _: None)]
    define(Saga("shop", [*steps, WaitFor("paid")]))
    assert in_threads(CLIENTS, live) == ["completed"] * CLIENTS
    due = engine.start("shop", ORDER)
    pass_time(due.execution_id, minutes=10)
    assert engine.wake(10) == 1


def test_the_limits_of_a_wait_reach_postgresql(pooled: str, define: Any) -> None:
    define(Saga("shop", [SagaStep("reserve", lambda _: None)]))
    started = engine.start("shop", ORDER)
    assert statements.run(LOCK_TIMEOUT, {}) == [("5s",)]
    work = engine.claim(started.execution_id, "reserve", Direction.ACTION, 0)
    assert work is not None
    with connection.cursor() as cursor:
        cursor.execute(LOCK_TIMEOUT)
        nobody_elses = cursor.fetchone()[0]
    assert nobody_elses == ("0" if pooled == "transaction" else "5s")


def test_one_relay_leads_at_a_time_and_another_one_after_it(pooled: str) -> None:
    leads, leave = threading.Event(), threading.Event()

    def lead() -> None:
        with engine.turn_to_relay(leads=False) as is_mine:
            assert is_mine
            leads.set()
            assert leave.wait(30)
        engine.leave_relay()

    def try_to() -> bool:
        with engine.turn_to_relay(leads=False) as is_mine:
            return is_mine

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(lead)
        try:
            assert leads.wait(30)
            assert not try_to()
        finally:
            leave.set()
        leader.result(30)
    wait_until(try_to, "the end of its session, which PostgreSQL hears of some time later,")


def test_a_check_warns_of_one_that_the_settings_do_not_name(
    pooled: str, settings: LazySettings
) -> None:
    assert check_session(databases=["default"]) == []
    configure(settings, POOLER="")
    [warning] = check_session(databases=["default"])
    assert warning.id == "sagas.W010"
    configure(settings, POOLER="session", DATABASE_LIMITS={})
    connection.close()
    [warning] = check_session(databases=["default"])
    assert warning.id == "sagas.W011"


@pytest.mark.parametrize("mode", ["transaction"])
def test_r27_a_name_that_another_client_has_prepared_means_the_same(pooled: str) -> None:
    """Told to prepare where that can't hold, it is slow, and never wrong."""
    connection.settings_dict["OPTIONS"]["prepare_threshold"] = 0

    def ask() -> list[bool]:
        found = []
        for number in range(20):
            try:
                [(answer,)] = statements.run("SELECT %(n)s::integer * 2", {"n": number})
                [(other,)] = statements.run("SELECT %(n)s::integer * 3", {"n": number})
            except ProgrammingError:  # it is not there: the engine would ask over another session
                connection.close()
                continue
            found.append((answer, other) == (number * 2, number * 3))
        return found

    assert all(each for answers in in_threads(CLIENTS, ask) for each in answers)
