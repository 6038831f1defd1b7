"""Signals for rounds at the same moment as others: many at once, the end of a round."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from sagas import Saga, WaitFor, engine
from sagas.errors import OperationRefused
from sagas.machine import Direction
from sagas.models import SagaExecution
from sagas.store import executions
from sagas.testing.workers import work_off
from tests.engine.driving import row
from tests.engine.rounds import act, collect, done, found, settled
from tests.engine.test_races import lost_at_commit, someone_is_blocked, together
from tests.engine.test_signals_to_rounds import CARD, CHARGE, begin, signals_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def test_r13_of_many_at_once_each_is_taken_once(define: Any, committed: Any) -> None:
    """Two for each key, while rounds end and begin."""
    begin(define, most=100)
    told: list[str] = []

    def send(number: int) -> None:
        try:
            engine.signal("s", "card", f"bad {number // 2}", key=f"evt-{number // 2}")
        except OperationRefused as error:
            told.append(str(error))

    together(send)
    for _ in range(6):
        work_off(committed)
        told.clear()
        together(send)
    work_off(committed)
    engine.signal("s", "card", "good", key="last")
    last = settled(committed)
    assert last.status == "completed"
    assert sorted(done[:-1]) == [f"charge bad {n}" for n in range(4)] + ["charge good"]


def test_a_signal_and_the_end_of_a_round_at_one_moment(define: Any, committed: Any) -> None:
    define(Saga("shop", [collect(CARD, CHARGE, most=50), act("z")]))
    for number in range(6):
        saga_id = f"s-{number}"
        engine.start("shop", {}, saga_id=saga_id)
        engine.signal(saga_id, "card", "bad", key="1")
        first = SagaExecution.objects.get(saga_id=f"{saga_id}~collect.1")
        fence = first.steps["charge"].get("fence", 0)
        work = engine.claim(first.pk, "charge", Direction.ACTION, fence)
        assert work is not None

        def act_on(who: int, saga_id: str = saga_id, work: Any = work) -> None:
            if who:
                engine.signal(saga_id, "card", "good", key="2")
            else:
                engine.succeed(work, {"paid": False})

        together(act_on, 2)
        last = settled(committed, saga_id)
        assert last.status == "completed"
        assert signals_of(f"{saga_id}~collect.2") == ["good"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_r22_one_whose_commit_was_lost_reaches_one_round(
    define: Any, committed: Any, moment: str
) -> None:
    begin(define, WaitFor("paid"))
    with lost_at_commit(moment):
        engine.signal("s", "paid", False)
    assert found("s").steps["collect"]["children"]["started"] == 2
    assert signals_of("s") == [False]
    assert signals_of("s~collect.2") == []


def test_l3_a_round_never_waits_for_the_row_of_its_saga(define: Any, committed: Any) -> None:
    """While the signal's transaction has the saga's row, a report of the round goes through."""
    begin(define)
    engine.signal("s", "card", "bad")
    first = SagaExecution.objects.get(saga_id="s~collect.1")
    has_it, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                executions.lock(found("s").pk)
                has_it.set()
                may_end.wait(20)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert has_it.wait(10)
    work = engine.claim(first.pk, "charge", Direction.ACTION, 0)
    assert work is not None
    reporter = threading.Thread(target=_report, args=(work,))
    reporter.start()
    wait_until(lambda: row(first.pk).status == "completed", "the report to go through")
    wait_until(someone_is_blocked, "the saga to be asked for")
    may_end.set()
    holder.join(10)
    reporter.join(10)
    assert SagaExecution.objects.filter(saga_id="s~collect.2").exists()


def _report(work: Any) -> None:
    try:
        engine.succeed(work, {"paid": False})
    finally:
        connection.close()
