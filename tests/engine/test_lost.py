"""A claim whose process died, on the real PostgreSQL."""

from typing import Any

import pytest

from sagas import engine
from sagas.machine import Direction, Saga, SagaStep, Verdict
from tests.engine.driving import ORDER, check_history, row

pytestmark = pytest.mark.django_db(transaction=True)

ACTION = Direction.ACTION


@pytest.fixture
def started(define: Any) -> engine.Started:
    define(Saga("shop", [SagaStep("reserve", lambda _: None)]))
    return engine.start("shop", ORDER)


def test_r4_a_lost_claim_ends_at_once_and_is_shut_out(started: engine.Started) -> None:
    work = engine.claim(started.execution_id, "reserve", ACTION, 0, holder="child 7")
    assert work is not None
    assert engine.lost(started.execution_id, "child 7") is Verdict.ACCEPTED
    reserve = row(started.execution_id).steps["reserve"]
    assert reserve["failure"]["error"] == "WorkerLost"
    assert reserve["effect"] == "possible"
    assert engine.succeed(work, {"x": 1}).verdict is Verdict.LATE
    check_history(started.execution_id)


def test_a_claim_of_another_holder_is_not_lost(started: engine.Started) -> None:
    engine.claim(started.execution_id, "reserve", ACTION, 0, holder="child 8")
    revision = row(started.execution_id).revision
    assert engine.lost(started.execution_id, "child 7") is Verdict.REFUSED
    assert row(started.execution_id).revision == revision


def test_r1_claims_without_a_holder_are_told_apart(started: engine.Started) -> None:
    assert engine.claim(started.execution_id, "reserve", ACTION, 0) is not None
    assert engine.claim(started.execution_id, "reserve", ACTION, 0) is None


def test_a_lost_claim_of_an_unknown_execution_is_refused(started: engine.Started) -> None:
    assert engine.lost(started.execution_id + 1, "x") is Verdict.REFUSED
