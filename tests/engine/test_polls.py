"""Polls in the rows: what an ask costs, and what two workers make of one (S1, S8)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import Later, Poll, Saga, SagaStep, engine
from sagas.machine import Direction, Failure, FailureKind
from sagas.models import SagaEvent
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER, check_history, claim, pass_time, row
from tests.engine.test_races import together

pytestmark = pytest.mark.django_db(transaction=True)

ASKS = 20


def not_yet(work: Any) -> None:
    engine.fail(work, Failure(FailureKind.LATER, "Later", "not yet"))


@pytest.fixture
def started(define: Any) -> int:
    define(Saga("shop", [Poll("job", lambda _: None), SagaStep("z", lambda _: None)]))
    return engine.start("shop", ORDER).execution_id


def test_s8_asks_leave_no_event_and_cost_two_statements(started: int) -> None:
    not_yet(claim(started, "job"))
    events = SagaEvent.objects.filter(execution_id=started).count()
    for _ in range(ASKS):
        pass_time(started, seconds=70)
        fence = row(started).steps["job"]["fence"]
        with CaptureQueriesContext(
            connection,
        ) as counted:
            work = engine.claim(started, "job", Direction.ACTION, fence)
            assert work is not None
            not_yet(work)
        assert len(counted) <= 3, "read, claim, report"
    assert SagaEvent.objects.filter(execution_id=started).count() == events
    check_history(started)
    found = row(started)
    assert found.wake_at is not None
    assert (found.wake_at - found.updated_at).total_seconds() > 50, "L1: it is woken to ask"
    pass_time(started, seconds=70)
    engine.succeed(claim(started, "job"), {"x": 1})
    assert SagaEvent.objects.filter(execution_id=started).count() == events + 3
    check_history(started)


def test_r1_one_of_many_workers_asks(started: int) -> None:
    not_yet(claim(started, "job"))
    pass_time(started, seconds=70)
    works = together(lambda _: engine.claim(started, "job", Direction.ACTION, 1))
    assert len([work for work in works if work]) == 1
    check_history(started)


def test_r14_an_ask_and_what_happens_beside_it_do_not_overwrite_each_other(started: int) -> None:
    work = claim(started, "job")

    def act(number: int) -> None:
        if number:
            engine.cancel(row(started).saga_id, by="anna")
        else:
            not_yet(work)

    together(act, 2)
    check_history(started)
    assert row(started).status == "compensated"


def test_none_is_no_answer_and_a_mapping_is_one(define: Any, committed: Any) -> None:
    answers: list[Any] = [None, Later, {}]

    def ask(context: Any) -> Any:
        answer = answers.pop(0)
        if answer is Later:
            raise Later("soon", after=1)
        return answer

    define(Saga("shop", [Poll("job", ask)]))
    saga = engine.start("shop", ORDER)
    work_off(committed)
    pass_time(saga.execution_id, seconds=70)
    work_off(committed)
    pass_time(saga.execution_id, seconds=1)
    work_off(committed)
    assert row(saga.execution_id).status == "completed"
    assert answers == []
    check_history(saga.execution_id)


def test_an_answer_that_can_not_be_stored_is_a_failed_ask(started: int) -> None:
    engine.succeed(claim(started, "job"), {"x": float("nan")})
    step = row(started).steps["job"]
    assert step["failure"]["error"] == "NotStorable"
    assert step.get("effect", "none") == "none"
    check_history(started)
