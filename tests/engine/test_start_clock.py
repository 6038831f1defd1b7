"""S13: a start goes by the database's clock, also when it did not ask for it."""

from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import pytest
from django.db import connection, transaction

from sagas import engine
from sagas.machine import Saga, SagaStep
from sagas.models import SagaEvent, SagaExecution
from sagas.store import clock
from tests.engine.driving import ORDER, claim
from tests.engine.round_trips import round_trips

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(define: Any) -> Saga:
    """Once its statements are prepared, and the clock was asked."""
    saga: Saga = define(Saga("shop", [SagaStep("only", lambda _: None)]))
    for _ in range(2):
        clock.forget()
        engine.start("shop", ORDER)
    SagaExecution.objects.all().delete()
    return saga


def said_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def believe(monkeypatch: pytest.MonkeyPatch, **off: float) -> None:
    """What is known of the clock is off by so much."""
    moment = clock.ask() + timedelta(**off)
    monkeypatch.setattr(clock, "_heard", clock._ClockReading(moment, monotonic()))


def test_the_first_start_asks_and_those_after_it_know() -> None:
    clock.forget()
    with round_trips() as sent:
        engine.start("shop", ORDER)
    assert len(sent) == 2, sent
    with round_trips() as sent:
        engine.start("shop", ORDER)
    assert len(sent) == 1, sent


def test_what_was_heard_long_ago_is_not_known_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.ask()
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic() + clock.KNOWN_FOR - 1)
    assert clock.known() is not None
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic() + clock.KNOWN_FOR + 1)
    assert clock.known() is None
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic() - 1)
    assert clock.known() is None


@pytest.mark.parametrize("off", [{"seconds": 60}, {"milliseconds": 100}, {"seconds": -60}, {}])
def test_a_start_is_never_ahead_of_the_databases_clock_nor_far_behind(
    monkeypatch: pytest.MonkeyPatch, off: dict[str, float]
) -> None:
    believe(monkeypatch, **off)
    before = said_now()
    started = engine.start("shop", ORDER)
    assert started.created
    row = SagaExecution.objects.get()
    assert before - timedelta(milliseconds=50) <= row.created_at <= said_now()
    assert {event.at for event in SagaEvent.objects.all()} == {row.created_at}
    assert claim(started.execution_id, "only") is not None  # it is due, at once


def test_of_many_starts_all_go_by_what_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    believe(monkeypatch, seconds=60)
    before = said_now()
    engine.start_many("shop", [engine.NewSaga({"n": n}) for n in range(20)])
    times = set(SagaExecution.objects.values_list("created_at", flat=True))
    assert SagaExecution.objects.count() == 20
    assert all(before - timedelta(milliseconds=50) <= each <= said_now() for each in times)


def test_a_repeated_start_is_found_whatever_the_clock_was_taken_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = engine.start("shop", ORDER, saga_id="s-1")
    believe(monkeypatch, seconds=60)
    again = engine.start("shop", ORDER, saga_id="s-1")
    assert (again.execution_id, again.created) == (first.execution_id, False)


def test_in_the_callers_transaction_it_is_the_clock_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the statement: a transaction may have begun long before."""
    believe(monkeypatch, seconds=-60)
    with transaction.atomic():
        engine.start("shop", ORDER)
    assert said_now() - SagaExecution.objects.get().created_at < timedelta(seconds=30)
