"""What is lost, late or broken on the way, on the real PostgreSQL: the rows make it good."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import ProgrammingError, connection

from sagas import engine, listeners
from sagas.machine import (
    Direction,
    Parallel,
    Saga,
    SagaStep,
    Verdict,
)
from sagas.models import SagaExecution
from tests.engine.driving import ORDER, claim, pass_time, row
from tests.seams import said
from tests.surroundings.marks import one_session

LONG_AGO = "2020-01-01T00:00Z"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def saga(define: Any) -> Saga:
    return define(
        Saga("shop", [SagaStep("reserve", lambda _: None), SagaStep("charge", lambda _: None)])
    )


def test_r1_a_hint_for_work_already_claimed_costs_one_read(saga: Saga) -> None:
    started = engine.start("shop", ORDER)
    claim(started.execution_id, "reserve")
    with said() as statements:
        engine.claim(started.execution_id, "reserve", Direction.ACTION, fence=0)
    assert statements == ["read"]


def test_a_step_with_a_message_is_three_statements_and_one_that_runs_on_is_one(saga: Saga) -> None:
    started = engine.start("shop", ORDER)
    with said() as statements:
        work = engine.claim(started.execution_id, "reserve", Direction.ACTION, fence=0)
        assert work is not None
        assert statements == ["read", "save"]
        reported = engine.succeed(work, {"x": 1}, lambda step, direction: True)
        assert statements == ["read", "save", "save"]
        assert reported.next is not None
        engine.succeed(reported.next, None)
    assert statements == ["read", "save", "save", "save"]
    assert row(started.execution_id).status == "completed"


def test_r2_a_lost_hint_is_sent_again_at_growing_intervals(saga: Saga, committed: Any) -> None:
    started = engine.start("shop", ORDER)
    intervals = []
    for _ in range(4):
        assert engine.wake(10) == 0, "not yet"
        pass_time(started.execution_id, hours=1)
        assert engine.wake(10) == 1
        assert [hint.step for hint in committed[-1].hints] == ["reserve"]
        found = row(started.execution_id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM %s - clock_timestamp())", [found.wake_at])
            intervals.append(round(cursor.fetchone()[0]))
    assert intervals == [5, 10, 20, 30]
    assert row(started.execution_id).last_seq == 2, "a repeated hint is no event"


def test_r3_what_was_committed_and_never_sent_is_sent_by_the_wake_loop(
    saga: Saga, committed: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Whoever commits does not get to send: here because sending fails."""

    def fail(told: Any) -> None:
        raise ConnectionError("no broker")

    with monkeypatch.context() as patch:
        patch.setattr(listeners, "_listeners", [fail])
        started = engine.start("shop", ORDER)
    assert "could not be notified" in caplog.text
    pass_time(started.execution_id, minutes=1)
    assert engine.wake(10) == 1
    assert [hint.step for hint in committed[-1].hints] == ["reserve"]


def test_r4_an_ended_lease_is_noticed_by_the_wake_loop(saga: Saga, committed: Any) -> None:
    started = engine.start("shop", ORDER)
    work = claim(started.execution_id, "reserve")
    pass_time(started.execution_id, minutes=10)
    assert engine.wake(10) == 1
    assert row(started.execution_id).steps["reserve"]["effect"] == "possible"
    assert engine.succeed(work, {"x": 1}).verdict is Verdict.LATE
    assert row(started.execution_id).context == ORDER


def test_a_row_that_cannot_be_handled_does_not_hold_up_the_others(
    saga: Saga, committed: Any, caplog: Any
) -> None:
    poisoned, healthy = (engine.start("shop", ORDER) for _ in range(2))
    SagaExecution.objects.filter(pk=poisoned.execution_id).update(
        steps={"reserve": {"status": "no such status"}}
    )
    SagaExecution.objects.update(wake_at=LONG_AGO)
    assert engine.wake(10) == 2
    assert f"Execution {poisoned.execution_id} could not be woken" in caplog.text
    assert committed[-1].execution_id == healthy.execution_id
    assert not SagaExecution.objects.filter(wake_at=LONG_AGO).exists(), "the poisoned one waits"


def test_l2_the_hints_of_many_are_repeated_together(saga: Saga, committed: Any) -> None:
    ids = [engine.start("shop", ORDER).execution_id for _ in range(20)]
    claim(ids[-1], "reserve")
    SagaExecution.objects.update(wake_at=LONG_AGO)
    del committed[:]
    with said() as statements:
        assert engine.wake(100) == 20
    assert statements.count("lock") == 1
    assert len([each for each in statements if "UPDATE" in each]) == 1
    assert {told.execution_id for told in committed} == set(ids[:-1])
    assert [row(each).hints_sent for each in ids] == [1] * 19 + [0]
    assert not SagaExecution.objects.filter(wake_at=LONG_AGO).exists(), "each has a promise again"


def wake_of(execution_id: int) -> datetime:
    wake_at = row(execution_id).wake_at
    assert wake_at is not None
    return wake_at


def test_r2_a_busy_branch_does_not_put_off_the_lost_hint_of_another(define: Any) -> None:
    branches = Parallel(
        SagaStep("a", lambda _: None), [SagaStep(f"b{number}", lambda _: None) for number in (1, 2)]
    )
    define(Saga("shop", [branches]))
    started = engine.start("shop", ORDER)
    promised = wake_of(started.execution_id)
    for name in ("b1", "b2"):
        work = claim(started.execution_id, name)
        assert wake_of(started.execution_id) <= promised
        engine.succeed(work, None)
        assert wake_of(started.execution_id) <= promised


def test_s12_only_what_has_waited_long_is_called_stranded(saga: Saga) -> None:
    started = engine.start("shop", ORDER)
    SagaExecution.objects.update(version=99)
    pass_time(started.execution_id, seconds=10)
    assert engine.stranded() == []


class TimeIsUp(Exception):
    """As Celery raises one, out of a signal, wherever the process is."""


@pytest.fixture
def slow_commit() -> Iterator[None]:
    """Every COMMIT of an event takes a second, as on a stalled disk."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER stall AFTER INSERT ON sagas_sagaevent "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stall()"
        )
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER stall ON sagas_sagaevent")
        cursor.execute("DROP FUNCTION stall")


@one_session
def test_s1_a_time_limit_inside_a_commit_does_not_spoil_the_connection(
    saga: Saga, request: pytest.FixtureRequest
) -> None:
    first, second = (engine.start("shop", ORDER) for _ in range(2))
    request.getfixturevalue("slow_commit")

    def strike(number: int, frame: object) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGUSR1, strike)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        with pytest.raises((TimeIsUp, ProgrammingError)):  # Django stumbles over its own way out
            claim_without_reading(first.execution_id)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert claim_without_reading(second.execution_id) is not None
    connection.close()
    assert row(second.execution_id).steps["reserve"]["status"] == "running", "it was committed"


def claim_without_reading(execution_id: int) -> Any:
    return engine.claim(execution_id, "reserve", Direction.ACTION, fence=0)


def test_s1_an_action_that_switches_autocommit_off_does_not_lose_its_report(saga: Saga) -> None:
    started = engine.start("shop", ORDER)
    work = claim(started.execution_id, "reserve")
    connection.set_autocommit(False)
    engine.succeed(work, {"x": 1})
    connection.close()
    assert row(started.execution_id).steps["reserve"]["status"] == "succeeded"
