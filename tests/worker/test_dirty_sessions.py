"""R23: actions may leave their session in any state. No claim or report is ever a part of it."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction

from sagas import engine
from sagas.machine import Saga, SagaStep
from sagas.models import SagaExecution
from tests.engine.driving import row
from tests.engine.ill_sessions import ILL, say
from tests.surroundings.marks import one_session

pytestmark = [pytest.mark.django_db(transaction=True), one_session]


def close() -> None:
    say("SELECT 1")()
    connection.close()


DIRTY: dict[str, Callable[[], Any]] = {
    **ILL,
    "a temporary table": say("CREATE TEMPORARY TABLE sagas_sagaexecution (id bigint)"),
    "an advisory lock": say("SELECT pg_advisory_lock(1)"),
    "listening": say("LISTEN something"),
    "closed": close,
    "another time zone": say("SET TIME ZONE 'Asia/Kathmandu'"),
    "an atomic block": lambda: transaction.atomic().__enter__(),
    "a cursor on the server": say(
        "BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "COMMIT", "SET search_path TO nowhere"
    ),
}

OPEN = ("amid a transaction", "amid a failed transaction", "without autocommit", "an atomic block")


@pytest.fixture(params=DIRTY)
def dirty(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_r23_a_dirty_session_is_the_actions_own(worker: Any, dirty: str) -> None:
    calls = {**DIRTY, "": lambda: None}
    receive = worker([SagaStep("reserve", lambda given: calls[given["dirty"]]() and None)])
    guilty = engine.start("shop", {"dirty": dirty})
    innocent = [engine.start("shop", {"dirty": ""}) for _ in range(3)]
    try:
        receive(guilty.execution_id, "reserve")
        for each in innocent:
            receive(each.execution_id, "reserve")
    finally:
        connection.close()
    for each in innocent:
        found = row(each.execution_id)
        assert (found.status, found.steps["reserve"]["attempts"]) == ("completed", 1)
    found = row(guilty.execution_id)
    if dirty in OPEN:
        step = found.steps["reserve"]
        assert step["failure"]["error"] == "TransactionLeftOpen"
        assert (step["status"], step["effect"]) == ("scheduled", "possible")
    else:
        assert found.status == "completed"


@pytest.mark.parametrize("how", OPEN)
def test_r23_what_an_action_left_uncommitted_is_not_there(worker: Any, how: str) -> None:
    def write(given: Any) -> None:
        DIRTY[how]()
        if how != "amid a failed transaction":
            say("UPDATE sagas_sagaexecution SET tags = '[\"left\"]' WHERE saga_id = 'noted'")()

    receive = worker([SagaStep("reserve", write)])
    engine.start("shop", {}, saga_id="noted")
    started = engine.start("shop", {})
    receive(started.execution_id, "reserve")
    assert SagaExecution.objects.get(saga_id="noted").tags == []


def test_r23_what_an_async_action_left_open_is_known(worker: Any) -> None:
    """Though another thread has opened it, and this one had no session open before."""

    async def act(given: Any) -> None:
        if given["dirty"]:
            await sync_to_async(transaction.atomic().__enter__)()
            await sync_to_async(say("UPDATE sagas_sagaexecution SET tags = '[\"left\"]'"))()

    receive = worker([SagaStep("reserve", act)])
    before, guilty, after = (engine.start("shop", {"dirty": n == 1}) for n in range(3))
    connection.close()
    for each in (before, guilty, after):
        receive(each.execution_id, "reserve")
    found = row(guilty.execution_id).steps["reserve"]
    assert (found["failure"]["error"], found["status"]) == ("TransactionLeftOpen", "scheduled")
    assert {row(each.execution_id).status for each in (before, after)} == {"completed"}
    assert not SagaExecution.objects.exclude(tags=[]).exists()


def test_r23_an_atomic_step_that_leaves_a_block_open_has_failed(worker: Any) -> None:
    step = SagaStep("reserve", lambda _: transaction.atomic().__enter__(), atomic=True)
    receive = worker([step])
    started, other = engine.start("shop", {}), engine.start("shop", {})
    receive(started.execution_id, "reserve")
    connection.close()
    found = row(started.execution_id).steps["reserve"]
    assert (found["failure"]["error"], found["status"]) == ("TransactionLeftOpen", "scheduled")
    assert row(other.execution_id).status == "pending"


def test_r23_what_an_action_calls_in_its_transaction_is_a_part_of_that(
    worker: Any, define: Any
) -> None:
    """A start joins it; a signal, which commits what it does, refuses to."""
    define(Saga("other", [SagaStep("only", lambda _: None)]))
    seen = []

    def act(_: Any) -> None:
        with transaction.atomic():
            engine.start("other", {}, saga_id="never")
            try:
                engine.pause("never", by="me")
            except RuntimeError as error:
                seen.append(str(error))
            transaction.set_rollback(True)
        engine.start("other", {}, saga_id="forever")

    receive = worker([SagaStep("reserve", act)])
    receive(engine.start("shop", {}).execution_id, "reserve")
    found = SagaExecution.objects.filter(saga_type="other").values_list("saga_id", flat=True)
    assert list(found) == ["forever"]
    assert "durable" in seen[0]


def test_r23_an_idle_action_opens_no_session_and_costs_no_statement(worker: Any) -> None:
    """The engine's own is the only one."""
    receive = worker([SagaStep("reserve", lambda _: None)])
    started = engine.start("shop", {})
    connection.close()
    receive(started.execution_id, "reserve")
    assert connection.connection is None
    assert row(started.execution_id).status == "completed"


def test_r23_the_engine_keeps_its_session_from_step_to_step(worker: Any) -> None:
    from sagas.store import sessions

    receive = worker([SagaStep("reserve", lambda _: None)])
    kept = []
    for _ in range(2):
        receive(engine.start("shop", {}).execution_id, "reserve")
        assert sessions._here.own is not None
        kept.append(sessions._here.own.connection)
    assert kept[0] is kept[1]
