"""S13: a moment is the same one whatever the zone of session, server, process or project is."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test import override_settings

from sagas import engine, queries
from sagas.listeners import Committed
from sagas.machine import Saga, SagaStep, Sleep
from sagas.moments import aware
from sagas.store import clock, executions
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, claim, row
from tests.simulation.clock import Clock
from tests.surroundings.marks import one_session

pytestmark = pytest.mark.django_db(transaction=True)

NIGHTS: Final = {
    "America/New_York": ["2026-11-01T06:00Z", "2026-03-08T07:00Z"],
    "Europe/Berlin": ["2026-10-25T01:00Z", "2026-03-29T01:00Z"],
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],  # by half an hour
    "Asia/Kolkata": ["2026-11-01T18:30Z"],  # a midnight like any other
}
"""Zone → when its clocks are changed."""


KINDS: Final = ["project", "project_with_zones", "database", "shell", "server"]
"""How a project, a server or a shell comes to have a time zone of its own."""


@contextmanager
def surroundings(kind: str, zone: str) -> Iterator[None]:
    """Every session of the block is opened with that zone, set in that way."""
    with ExitStack() as stack:
        match kind:
            case "project":  # the ORM has naive times
                stack.enter_context(override_settings(USE_TZ=False, TIME_ZONE=zone))
            case "project_with_zones":
                stack.enter_context(override_settings(TIME_ZONE=zone))
            case "database":  # Django wants USE_TZ for that
                stack.enter_context(override_settings(USE_TZ=True))
                stack.enter_context(mock.patch.dict(connection.settings_dict, TIME_ZONE=zone))
            case "shell":
                stack.enter_context(mock.patch.dict(os.environ, PGTZ=zone, TZ=zone))
                time.tzset()
            case "server":
                _alter_database(f"SET timezone = '{zone}'")
            case "action":
                pass  # it does so itself
            case _:
                raise ValueError(kind)
        _forget_the_session()
        try:
            yield
        finally:
            if kind == "server":
                _alter_database("RESET timezone")
            stack.close()
            time.tzset()
            _forget_the_session()


def _alter_database(how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {connection.settings_dict['NAME']} {how}")


def _forget_the_session() -> None:
    connection.close()
    for name in ("timezone", "timezone_name"):
        connection.__dict__.pop(name, None)
    clock.forget()


@pytest.fixture
def night_watch(define: Any) -> Saga:
    saga: Saga = define(
        Saga(
            "night_watch",
            [
                SagaStep("before", lambda _: None, lambda _: None, timeout=60),
                Sleep("sleep", 40 * 60),
                SagaStep("after", lambda _: None, timeout=60),
            ],
            deadline=3600,
        )
    )
    return saga


@one_session
@pytest.mark.parametrize("kind", ["project", "database"])
@pytest.mark.parametrize(("zone", "night"), [(z, n) for z, found in NIGHTS.items() for n in found])
def test_a_saga_runs_through_the_night(
    night_watch: Saga,
    committed: list[Committed],
    kind: str,
    zone: str,
    night: str,
) -> None:
    """It is claimed at once, sleeps for as long as it says, and keeps its deadline: 20 minutes
    before the clocks are changed, and 20 minutes after."""
    simulated = Clock()
    simulated.now = begun = datetime.fromisoformat(night) - timedelta(minutes=20)
    with (
        surroundings(kind, zone),
        simulated.in_every_session(),
        simulated.as_the_process_own(),
    ):
        _live_through(simulated, begun, committed)


def _live_through(simulated: Clock, begun: datetime, committed: list[Committed]) -> None:
    execution_id = engine.start("night_watch", {}).execution_id
    work_off(committed)
    assert row(execution_id).current_steps == ["sleep"], row(execution_id).status
    for minutes in (19, 20):  # to either side of the change
        simulated.move(minutes * 60)
        simulated.tell_database()
        work_off(committed)
        assert row(execution_id).current_steps == ["sleep"]
    simulated.move(61)
    simulated.tell_database()
    work_off(committed)
    shown = queries.describe(row(execution_id))
    assert shown["status"] == "completed"
    assert shown["created_at"] == begun
    assert shown["created_at"].utcoffset() == timedelta(0)
    assert shown["deadline"] == begun + timedelta(hours=1)
    assert shown["finished_at"] == simulated.now.replace(
        microsecond=shown["finished_at"].microsecond
    )
    check_history(execution_id)
    events = queries.events_after(execution_id, 0)
    told = [datetime.fromisoformat(queries.describe_event(event)["at"]) for event in events]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (begun, shown["finished_at"])
    # The same moments on the bus, in the live streams, and for who asks for a time.
    relayed = queries.unrelayed(10, 100, {})
    assert [event.at for event in relayed] == told
    assert [
        aware(event.at) for event in queries.news({execution_id: 0})[execution_id].events
    ] == told
    younger = queries.Filter(created_after=begun, created_before=begun + timedelta(minutes=1))
    assert len(queries.page(younger, queries.OPERATOR).executions) == 1
    older = queries.Filter(created_before=begun)
    assert not queries.page(older, queries.OPERATOR).executions


@one_session
@pytest.mark.parametrize("kind", [*KINDS, "action"])
@pytest.mark.parametrize("zone", NIGHTS)
def test_a_row_is_read_and_written_at_the_moment_that_it_is(
    define: Any, kind: str, zone: str
) -> None:
    """With each way of the hot statements: prepared, in a transaction, and where nothing may be
    prepared. Nothing that was claimed is lost meanwhile, and nothing turns back."""
    define(Saga("shop", [SagaStep("only", lambda _: None, timeout=60)], deadline=600))
    with surroundings(kind, zone):
        if kind == "action":  # that changed the session behind Django's back
            with connection.cursor() as cursor:
                cursor.execute(f"SET TIME ZONE '{zone}'")
        execution_id = engine.start("shop", {}).execution_id
        prepared = _read(execution_id)
        with transaction.atomic():
            in_transaction = _read(execution_id)
        connection.connection.prepare_threshold = None
        for found in (prepared, in_transaction, _read(execution_id)):
            assert abs(found.now - datetime.now(UTC)) < timedelta(minutes=5)
            assert found.now.utcoffset() == timedelta(0)
            assert found.wake_at is not None
            assert abs(found.wake_at - found.now) < timedelta(seconds=60)
            assert found.state.options.deadline is not None
            assert timedelta(0) < found.state.options.deadline - found.now <= timedelta(seconds=600)
        work = claim(execution_id, "only")
        assert work is not None
        lease = _read(execution_id).wake_at
        assert lease is not None
        assert timedelta(0) < lease - clock.ask() < timedelta(seconds=120)
        engine.succeed(work, None)
        assert row(execution_id).status == "completed"


def _read(execution_id: int) -> executions.ExecutionSnapshot:
    found = executions.peek(execution_id)
    assert found is not None
    return found


@pytest.mark.parametrize("zone", NIGHTS)
def test_what_the_starter_says_may_be_in_any_zone(
    define: Any, committed: list[Committed], zone: str
) -> None:
    """Python adds to a time of a zone what the clock on the wall there will show: past a change, an
    hour too much or too little."""
    define(Saga("shop", [SagaStep("only", lambda _: None)], deadline=7200))
    night = datetime.fromisoformat("2126" + NIGHTS[zone][0][4:]) - timedelta(hours=1)
    starts = [night + timedelta(days=day) for day in range(-10, 11)]  # one of them is the change's
    for start_at in starts:
        started = engine.start("shop", {}, start_at=start_at.astimezone(ZoneInfo(zone)))
        found = _read(started.execution_id)
        assert found.wake_at == found.state.options.start_at == start_at
        assert found.state.options.deadline == start_at + timedelta(hours=2)
