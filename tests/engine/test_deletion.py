"""R19: old executions are deleted whole, against anything that happens meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from sagas import engine
from sagas.machine import (
    Direction,
    Failure,
    FailureKind,
    ForEach,
    Saga,
    SagaStep,
    SubSaga,
    Verdict,
)
from sagas.models import SagaEvent, SagaExecution, SagaLock
from tests.engine.driving import ORDER, claim, pass_time, perform, row
from tests.engine.test_races import together

pytestmark = pytest.mark.django_db(transaction=True)

MONTH = timedelta(days=30)


def does(context: Any) -> dict[str, Any]:
    return {"done": True}


@pytest.fixture
def shop(define: Any) -> Saga:
    return define(Saga("shop", [SagaStep("a", does, does)], locks=lambda context: ["till"]))


@pytest.fixture
def family(define: Any, committed: Any) -> int:
    """A saga of three items and a sub-saga with an item of its own, long over."""
    each: Any = {"over": "items", "action": does, "given": ["order"]}
    define(Saga("crate", [ForEach("nail", **(each | {"over": "few"}))]))
    define(Saga("parcel", [ForEach("pack", **each), SubSaga("crate", input=["order", "few"])]))
    context = {**ORDER, "items": [1, 2, 3], "few": [1]}
    started = engine.start("parcel", context, saga_id="s")
    work_off(committed)
    assert row(started.execution_id).status == "completed"
    age()
    return started.execution_id


def work_off(committed: list[Any]) -> None:
    """Handles every message, as workers would; nothing fails."""
    while committed:
        told = committed.pop(0)
        for hint in told.hints:
            perform(told.execution_id, hint)


def ended(saga_id: str, committed: list[Any], saga_type: str = "shop") -> int:
    """A completed execution."""
    started = engine.start(saga_type, ORDER, saga_id=saga_id)
    work_off(committed)
    assert row(started.execution_id).status == "completed"
    return started.execution_id


def age(days: int = 40, **which: Any) -> None:
    """Lets executions have ended so long ago."""
    chosen = SagaExecution.objects.filter(finished_at__isnull=False, **which)
    chosen.update(finished_at=datetime.now(UTC) - timedelta(days=days))


def left() -> list[str]:
    return sorted(SagaExecution.objects.values_list("saga_id", flat=True))


@contextmanager
def another_session() -> Iterator[psycopg.Connection]:
    """A second connection, in a transaction that is rolled back unless it commits."""
    settings = connection.get_connection_params()
    names = ("dbname", "user", "host", "port", "password")
    given = {name: settings[name] for name in names if settings.get(name)}
    with psycopg.connect(**given) as session:
        try:
            yield session
        finally:
            session.rollback()


# --- What is deleted ------------------------------------------------------------------------------


def test_r19_what_ended_long_ago_is_deleted_with_its_events_and_locks(
    shop: Saga, committed: Any
) -> None:
    ended("old", committed)
    age()
    ended("young", committed)
    SagaLock.objects.create(
        key="x", execution=SagaExecution.objects.get(saga_id="old"), family_id=1
    )
    assert engine.prune(MONTH, 10) == 1
    assert left() == ["young"]
    assert not SagaLock.objects.exists()
    assert set(SagaEvent.objects.values_list("execution__saga_id", flat=True)) == {"young"}


@pytest.mark.parametrize("status", ["pending", "paused", "compensating", "failed", "compensated"])
def test_r19_only_what_is_terminal_is_deleted(shop: Saga, status: str) -> None:
    started = engine.start("shop", ORDER, saga_id="s")
    if status == "paused":
        engine.pause("s", by="anna")
    elif status != "pending":
        work = claim(started.execution_id, "a")
        engine.cancel("s", by="anna")
        engine.succeed(work, None)
    if status in ("failed", "compensated"):
        undoing = claim(started.execution_id, "a", Direction.COMPENSATION)
        refused = Failure(FailureKind.REJECTED, "No", "")
        engine.succeed(undoing, None) if status == "compensated" else engine.fail(undoing, refused)
    assert row(started.execution_id).status == status.replace("paused", "pending")
    age()
    assert engine.prune(MONTH, 10) == (status == "compensated")
    assert left() == ([] if status == "compensated" else ["s"])


def test_r19_the_oldest_are_deleted_first_and_no_more_than_asked_for(
    shop: Saga, committed: Any
) -> None:
    for number in range(5):
        ended(f"s-{number}", committed)
    age()
    assert engine.prune(MONTH, 2) == 2
    assert left() == ["s-2", "s-3", "s-4"]
    assert [engine.prune(MONTH, 2) for _ in range(3)] == [2, 1, 0]


# --- Families -------------------------------------------------------------------------------------


def test_r19_a_family_is_deleted_whole(family: int, committed: Any) -> None:
    assert len(left()) == 6
    assert engine.prune(MONTH, 1) == 1
    assert left() == []
    assert not SagaEvent.objects.exists()


def test_r19_a_child_is_not_deleted_before_its_family(family: int) -> None:
    age(1, parent=None)
    assert engine.prune(MONTH, 10) == 0
    assert len(left()) == 6


@pytest.mark.parametrize("saga_id", ["s~pack.1", "s~crate", "s~crate~nail.0"])
def test_r19_a_family_is_kept_until_each_of_it_is_over(family: int, saga_id: str) -> None:
    SagaExecution.objects.filter(saga_id=saga_id).update(status="failed")
    assert engine.prune(MONTH, 10) == 0
    assert len(left()) == 6


# --- Against others at work -----------------------------------------------------------------------


def test_r19_what_somebody_is_at_work_on_is_left_for_the_next_time(
    shop: Saga, committed: Any
) -> None:
    busy = ended("busy", committed)
    ended("idle", committed)
    age()
    with another_session() as other:
        other.execute("SELECT FROM sagas_sagaexecution WHERE id = %s FOR UPDATE", [busy])
        assert engine.prune(MONTH, 10) == 1
        assert left() == ["busy"]
    assert engine.prune(MONTH, 10) == 1
    assert left() == []


@pytest.mark.parametrize("saga_id", ["s", "s~pack.1", "s~crate~nail.0"])
def test_r19_a_family_one_of_which_is_worked_on_is_left_whole(
    family: int, shop: Saga, committed: Any, saga_id: str
) -> None:
    ended("other", committed)
    age()
    began = time.monotonic()
    with another_session() as other:
        other.execute("SELECT FROM sagas_sagaexecution WHERE saga_id = %s FOR UPDATE", [saga_id])
        assert engine.prune(MONTH, 10) == 1
        assert len(left()) == 6
        assert SagaEvent.objects.filter(execution_id=family).exists()
    assert time.monotonic() - began < 5, "it waits for nobody: lock_timeout is as long"
    assert engine.prune(MONTH, 10) == 1
    assert left() == []


@pytest.mark.parametrize("saga_id", ["s", "s~pack.1"])
def test_r19_a_late_report_meanwhile_is_not_left_without_its_execution(
    family: int, saga_id: str
) -> None:
    """Its event is written when the deletion has begun already, and commits before it ends."""
    late = threading.Event()

    def report(_: int) -> None:
        with transaction.atomic():
            found = SagaExecution.objects.select_for_update().get(saga_id=saga_id)
            found.last_seq += 1
            found.save(update_fields=["last_seq"])
            event = SagaEvent.objects.filter(execution=found).latest("seq")
            fields = {"type": "step.late", "at": timezone.now(), "status": "completed", "data": {}}
            SagaEvent.objects.create(execution=found, seq=event.seq + 1, **fields)
            late.set()
            time.sleep(0.5)

    def prune(_: int) -> int:
        assert late.wait(10)
        return engine.prune(MONTH, 10)

    together(lambda number: [report, prune][number](number), 2)
    assert len(left()) in (0, 6), "whole, or not at all"
    engine.prune(MONTH, 10)
    assert left() == []
    assert not SagaEvent.objects.exists()


def test_r19_two_at_once_delete_each_family_once(shop: Saga, committed: Any) -> None:
    for number in range(20):
        ended(f"s-{number}", committed)
    age()
    deleted = together(lambda _: [engine.prune(MONTH, 3) for _ in range(20)], 4)
    assert sum(map(sum, deleted)) == 20
    assert left() == []


def test_r19_a_report_after_the_deletion_changes_nothing(
    shop: Saga, committed: Any, caplog: Any
) -> None:
    started = engine.start("shop", ORDER)
    slow = claim(started.execution_id, "a")
    pass_time(started.execution_id, minutes=10)
    engine.wake(10)
    pass_time(started.execution_id, minutes=10)
    work = claim(started.execution_id, "a")
    engine.succeed(work, None)
    age()
    assert engine.prune(MONTH, 10) == 1
    assert engine.succeed(slow, None).verdict is Verdict.REFUSED
    assert "is gone" in caplog.text
    assert not SagaEvent.objects.exists()
