"""Django's ORM in async actions: over the connection of sync ones (R23)."""

import asyncio
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction

from sagas import Saga, SagaStep, engine
from sagas.engine import event_loop
from tests.engine.async_actions import (  # noqa: F401  (with what every test here has)
    NOTES,
    ONCE,
    TookTooLong,
    _no_notes,
    failures,
    noting,
    play,
    run_for,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_r4_a_query_that_nobody_waits_for_is_interrupted() -> None:
    def sleep_in_sql() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")

    began = time.monotonic()
    with pytest.raises(TookTooLong):
        run_for(0.2, sync_to_async(sleep_in_sql)())
    assert time.monotonic() - began < 30
    assert Group.objects.count() == 0


def test_the_sync_orm_is_refused_by_name(define: Any, committed: Any) -> None:
    async def act(context: Any) -> None:
        Group.objects.count()

    play(define, committed, SagaStep("pay", act, retry=ONCE))
    assert failures()[0] == ("SynchronousOnlyOperation", "unknown")


def test_r23_its_orm_speaks_over_the_connection_of_sync_actions(
    define: Any, committed: Any
) -> None:
    def session() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    async def act(context: Any) -> None:
        NOTES.append(await sync_to_async(session)())
        await Group.objects.acreate(name="made")

    play(
        define,
        committed,
        SagaStep("a", lambda _: NOTES.append(session())),
        SagaStep("b", act),
        SagaStep("c", act, retry=ONCE),  # of that name there is one
        SagaStep("d", act),
    )
    assert len(NOTES) == 3
    assert len(set(NOTES)) == 1
    assert failures()[0] == ("IntegrityError", "unknown")


def test_r23_a_transaction_that_it_leaves_open_is_known(define: Any, committed: Any) -> None:
    async def act(context: Any) -> None:
        await sync_to_async(transaction.atomic().__enter__)()
        await Group.objects.acreate(name="never")

    play(define, committed, SagaStep("pay", act, retry=ONCE))
    assert failures()[0] == ("TransactionLeftOpen", "unknown")
    assert not Group.objects.exists()


def test_it_may_start_a_saga(define: Any, committed: Any) -> None:
    define(Saga("other", [SagaStep("only", noting("other"))]))

    async def act(context: Any) -> None:
        await sync_to_async(engine.start)("other", {})

    play(define, committed, SagaStep("pay", act))
    assert NOTES == ["other"]


def test_a_thread_that_runs_a_loop_runs_no_action() -> None:
    async def inside() -> None:
        event_loop.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
        asyncio.run(inside())
    async_to_sync(asyncio.sleep)(0)
