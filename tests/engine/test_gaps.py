"""What no other test of the engine held; the mutation gate asked for it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction

from sagas import engine
from sagas.devserver.supervisor import free_port
from sagas.engine.saving import save
from sagas.machine import (
    Claim,
    Direction,
    ForEach,
    Parallel,
    Pivot,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    SubSaga,
    WaitFor,
    decide,
)
from sagas.models import SagaExecution
from sagas.store import due, executions
from sagas.testing.workers import work_off
from sagas.worker import hints, wake_loop
from tests.engine.driving import ORDER, claim, pass_time, row
from tests.engine.test_races import together
from tests.worker.hinted import committed as committed_step
from tests.worker.hinted import forget, hinted_saga

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = Retry(max_attempts=1)


def nothing(context: Any) -> None:
    """An action that does nothing."""


def refuse(context: Any) -> None:
    raise Rejected("no")


def test_a_paused_saga_starts_no_children(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing), ForEach("each", over="items", action=nothing)]))
    started = engine.start("shop", {"items": [1, 2]}, saga_id="s")
    work = claim(started.execution_id, "a")
    engine.pause("s", by="anna")
    engine.succeed(work, None)
    assert SagaExecution.objects.count() == 1
    engine.resume("s", by="anna")
    assert SagaExecution.objects.count() == 3


def test_s5_nothing_is_undone_while_an_action_of_a_child_is_in_flight(
    define: Any, committed: Any
) -> None:
    undone: list[str] = []
    define(Saga("ship", [SagaStep("pack", nothing, lambda _: undone.append("pack"))]))
    other = SagaStep("other", nothing, lambda _: undone.append("other"))
    define(Saga("shop", [Parallel(SubSaga("ship"), other), WaitFor("paid")]))
    started = engine.start("shop", {}, saga_id="s")
    child = SagaExecution.objects.get(parent_id=started.execution_id)
    packing = claim(child.pk, "pack")
    work_off(committed)
    engine.cancel("s", by="anna")
    work_off(committed)
    assert row(child.pk).status == "compensating"
    assert undone == []
    engine.succeed(packing, None)
    work_off(committed)
    assert sorted(undone) == ["other", "pack"]


def test_an_item_that_ends_makes_room_for_one_more(define: Any, committed: Any) -> None:
    each = ForEach("each", over="items", action=nothing, max_concurrency=2)
    define(Saga("shop", [each]))
    started = engine.start("shop", {"items": list(range(6))})
    for ended in range(1, 4):
        child = SagaExecution.objects.filter(status="pending").earliest("id")
        engine.succeed(claim(child.pk, "each"), None)
        assert SagaExecution.objects.filter(parent_id=started.execution_id).count() == ended + 2


def test_a_saga_that_failed_keeps_its_locks_until_a_person_has_acted(
    define: Any, committed: Any
) -> None:
    once = SagaStep("b", refuse, retry=Retry(max_attempts=2))
    define(Saga("shop", [Pivot("a", nothing), once], locks=lambda _: ["user:anna"]))
    failed = engine.start("shop", {}, saga_id="s-1").execution_id
    work_off(committed)
    waiting = engine.start("shop", {}).execution_id
    assert row(failed).status == "failed"
    assert row(waiting).options["blocked"]
    engine.skip("s-1", "b", by="anna")
    work_off(committed)
    assert "blocked" not in row(waiting).options


def test_s8_a_transition_that_did_not_see_the_newest_event_is_not_saved(define: Any) -> None:
    """Should something write a row past its lock, one of the two is told so."""
    definition = define(Saga("shop", [SagaStep("a", nothing)]))
    execution_id = engine.start("shop", ORDER).execution_id
    with transaction.atomic():
        locked = executions.lock(execution_id)
        assert locked is not None
        fact = Claim("a", Direction.ACTION, 0, "worker")
        decision = decide(definition, locked.state, fact, locked.now)
        SagaExecution.objects.update(last_seq=1)
        with pytest.raises(RuntimeError, match="was not saved"):
            save(definition, locked, decision, [])
        transaction.set_rollback(True)


def test_r21_new_hints_are_trusted_for_a_short_time_again(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing), SagaStep("b", nothing)]))
    execution_id = engine.start("shop", ORDER).execution_id
    for _ in range(3):
        pass_time(execution_id, hours=1)
        engine.wake(10)
    engine.succeed(claim(execution_id, "a"), None)
    pass_time(execution_id, hours=1)
    engine.wake(10)
    found = row(execution_id)
    assert found.hints_sent == 1, "of this state, and not of those before it"


def test_r14_a_wake_loop_that_comes_second_repeats_no_hint(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read the same list; then the other one was quicker."""
    define(Saga("shop", [SagaStep("a", nothing)]))
    execution_id = engine.start("shop", ORDER).execution_id
    pass_time(execution_id, hours=1)
    monkeypatch.setattr(due, "due", lambda known, limit: [execution_id])
    committed.clear()
    engine.wake(10)
    engine.wake(10)
    assert len(committed) == row(execution_id).hints_sent == 1


# --- Deletion -------------------------------------------------------------------------------------


def ended(define: Any, committed: Any, action: Any = nothing) -> int:
    define(Saga("shop", [SagaStep("a", action)]))
    execution_id = engine.start("shop", ORDER).execution_id
    work_off(committed)
    return execution_id


def test_r19_only_what_ended_long_ago_is_deleted(define: Any, committed: Any) -> None:
    ended(define, committed)
    assert engine.prune(timedelta(hours=1), 10) == 0
    SagaExecution.objects.update(finished_at="2020-01-01T00:00Z")
    assert engine.prune(timedelta(hours=1), 10) == 1
    assert not SagaExecution.objects.exists()


def test_r19_a_family_with_a_member_that_needs_a_person_stays(define: Any, committed: Any) -> None:
    stuck = SagaStep("a", nothing, refuse, compensation_retry=ONCE)
    define(Saga("ship", [stuck]))
    define(Saga("shop", [SubSaga("ship"), SagaStep("b", refuse, retry=ONCE)]))
    started = engine.start("shop", {}, saga_id="s")
    work_off(committed)
    engine.resolve("s", "ship", by="anna")  # the order that resolves the child, too, is under way
    statuses = SagaExecution.objects.order_by("id").values_list("status", flat=True)
    assert list(statuses) == ["compensated", "failed"]
    SagaExecution.objects.update(finished_at="2020-01-01T00:00Z")
    assert engine.prune(timedelta(0), 10) == 0
    work_off(committed)
    assert engine.prune(timedelta(0), 10) == 1
    assert not SagaExecution.objects.filter(root_id=started.execution_id).exists()


def test_r19_deletion_waits_for_nobody(define: Any, committed: Any) -> None:
    execution_id = ended(define, committed)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            SagaExecution.objects.select_for_update().get(pk=execution_id)
            holding.set()
            assert done.wait(10)

    def prune() -> int:
        assert holding.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        try:
            return engine.prune(timedelta(0), 10)
        finally:
            done.set()

    assert together(lambda number: [hold, prune][number](), 2) == [None, 0]


# --- Messages and the wake loop -------------------------------------------------------------------

TASK = "order_processing.create_order"


@pytest.mark.parametrize(
    "message", [(), (1,), (1, None), ("1", 0), (True, 0), (1, -1), (1 << 63, 0), ({}, [])]
)
def test_r20_a_garbled_message_is_ignored(message: tuple[Any, ...], caplog: Any) -> None:
    current_app.tasks[TASK](*message)
    assert "ignored" in caplog.text


def test_l2_a_worker_does_not_wait_for_a_broker_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}"
    monkeypatch.setitem(current_app.conf, "broker_write_url", nobody)
    forget()
    with hinted_saga() as saga:
        hints.send_hints([committed_step(saga, 1)])
    assert f"no hint for {saga.saga_type}.a" in caplog.text


def test_l3_the_wake_loop_goes_on_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_again, looks = threading.Event(), []

    def look(*arguments: object) -> int:
        looks.append(arguments)
        if len(looks) == 1:
            raise ConnectionError("the database is away")
        looked_again.set()
        return 0

    monkeypatch.setattr(engine, "wake", look)
    monkeypatch.setattr(wake_loop, "INTERVAL", 0.01)
    monkeypatch.setattr(wake_loop, "AFTER_ERROR", 0.01)
    loop = wake_loop.WakeLoop(None)
    loop.start(None)
    try:
        assert looked_again.wait(10)
    finally:
        loop.stop(None)
