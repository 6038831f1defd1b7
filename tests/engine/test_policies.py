"""Atomic steps, probes, operators' actions and signals on the real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections

from sagas import engine
from sagas.errors import BadInput, NoSuchExecution, OperationRefused
from sagas.machine import (
    Cancel,
    Retry,
    Saga,
    SagaStep,
    Verdict,
    WaitFor,
)
from sagas.models import SagaExecution
from sagas.moments import aware
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, claim, pass_time, row
from tests.logins import LOGIN, MODEL

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = Retry(max_attempts=1)
calls: list[str] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    calls.clear()


# --- Atomic ---------------------------------------------------------------------------------------


def users() -> int:
    return MODEL.objects.filter(**{f"{LOGIN}__startswith": "atomic"}).count()


def writes(context: Any) -> dict[str, Any]:
    MODEL.objects.create(**{LOGIN: f"atomic-{context['attempt']}"})
    if context.get("broken"):
        raise RuntimeError("after the write")
    return {"returned": context.get("returned")}


@pytest.fixture
def atomic(define: Any) -> Saga:
    steps = [SagaStep("a", writes, atomic=True, retry=Retry(max_attempts=2, backoff=0))]
    return define(Saga("shop", steps))


def test_an_atomic_steps_writes_commit_with_its_success(atomic: Saga, committed: Any) -> None:
    started = engine.start("shop", {})
    work_off(committed)
    assert (users(), row(started.execution_id).status) == (1, "completed")
    check_history(started.execution_id)


@pytest.mark.parametrize("context", [{"broken": True}, {"returned": float("nan")}])
def test_r17_an_atomic_step_that_fails_has_written_nothing(
    context: dict[str, Any], define: Any, committed: Any
) -> None:
    def unstorable(given: Any) -> Any:
        writes({**given, **context})
        return {"returned": context.get("returned")}

    define(Saga("shop", [SagaStep("a", unstorable, atomic=True, retry=ONCE)]))
    started = engine.start("shop", {})
    work_off(committed)
    assert (users(), row(started.execution_id).status) == (0, "compensated")
    assert "effect" not in row(started.execution_id).steps["a"]


def test_r5_an_atomic_step_that_was_shut_out_has_written_nothing(
    atomic: Saga, committed: Any
) -> None:
    started = engine.start("shop", {})
    late = claim(started.execution_id, "a")
    pass_time(started.execution_id, seconds=60)
    engine.wake(10)
    assert engine.run_atomic(late).verdict is Verdict.LATE
    assert users() == 0
    work_off(committed)
    assert (users(), row(started.execution_id).status) == (1, "completed")
    assert row(started.execution_id).events.filter(type="step.late").count() == 1


@pytest.mark.parametrize("committed_in_truth", [True, False])
def test_r6_an_atomic_step_whose_commit_is_in_doubt_happens_exactly_once(
    committed_in_truth: bool, atomic: Saga, committed: Any, monkeypatch: Any
) -> None:
    started = engine.start("shop", {})
    database: Any = connections["default"]
    commit, roll_back = database._commit, database._rollback
    doubtful = [True]

    def in_doubt() -> None:
        if not doubtful or not users():
            return commit()
        doubtful.clear()
        commit() if committed_in_truth else roll_back()
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(database, "_commit", in_doubt)
    work_off(committed)
    assert not doubtful
    assert (users(), row(started.execution_id).status) == (1, "completed")
    attempts = row(started.execution_id).steps["a"]["attempts"]
    assert attempts == (1 if committed_in_truth else 2)


# --- Probe ----------------------------------------------------------------------------------------


def probed(define: Any, answer: Any) -> None:
    """A saga whose first attempt at `pay` ends in doubt; the participant then says `answer`."""

    def pay(context: Any) -> dict[str, Any]:
        calls.append(f"pay {context['attempt']}")
        if context["attempt"] == 1:
            raise TimeoutError
        return {"payment": "new"}

    def ask(context: Any) -> Any:
        calls.append(f"ask {context['idempotency_key']}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def refund(context: Any) -> None:
        calls.append(f"refund {context.get('payment')}")

    retry = Retry(max_attempts=1 if define.once else 2, backoff=0)
    steps = [SagaStep("pay", pay, refund, retry=retry, compensation_retry=ONCE, probe=ask)]
    define(Saga("shop", steps))


class Define:
    """`define`, and whether the step has one attempt."""

    def __init__(self, add: Any, once: bool) -> None:
        self.add, self.once = add, once

    def __call__(self, saga: Saga) -> None:
        self.add(saga)


@pytest.mark.parametrize(
    ("answer", "then", "payment"),
    [
        ({"payment": "old"}, [], "old"),
        (None, ["pay 2"], "new"),
    ],
)
def test_r4_a_step_in_doubt_asks_before_it_is_tried_again(
    answer: Any, then: list[str], payment: str, define: Any, committed: Any
) -> None:
    probed(Define(define, once=False), answer)
    started = engine.start("shop", {}, saga_id="s")
    work_off(committed)
    assert calls == ["pay 1", "ask s:pay:action", *then]
    assert row(started.execution_id).context["payment"] == payment


@pytest.mark.parametrize(
    ("answer", "then", "status"),
    [
        ({"payment": "old"}, ["refund old"], "compensated"),
        (None, [], "compensated"),
        (TimeoutError(), [], "failed"),
    ],
)
def test_s4_a_compensation_in_doubt_asks_what_there_is_to_undo(
    answer: Any, then: list[str], status: str, define: Any, committed: Any
) -> None:
    probed(Define(define, once=True), answer)
    started = engine.start("shop", {}, saga_id="s")
    work_off(committed)
    assert calls == ["pay 1", "ask s:pay:action", *then]
    assert row(started.execution_id).status == status


# --- Which errors are repeated --------------------------------------------------------------------


def test_never_on_gives_up_at_once(define: Any, committed: Any) -> None:
    def fail(context: Any) -> None:
        calls.append("fail")
        raise KeyError("a bug")

    define(Saga("shop", [SagaStep("a", fail, retry=Retry(backoff=0, never_on=(KeyError,)))]))
    engine.start("shop", {})
    work_off(committed)
    assert calls == ["fail"]


# --- People and signals ---------------------------------------------------------------------------


@pytest.fixture
def waiting(define: Any) -> None:
    def undo(context: Any) -> None:
        calls.append("undo")

    define(Saga("shop", [SagaStep("a", lambda _: None, undo), WaitFor("paid")]))


def test_l1_a_saga_that_waits_for_a_signal_is_looked_at_by_nobody(
    waiting: None, committed: Any
) -> None:
    started = engine.start("shop", {}, saga_id="s")
    work_off(committed)
    assert row(started.execution_id).wake_at is None
    engine.signal("s", "paid", {"amount": 3}, by="the bank")
    assert row(started.execution_id).status == "completed"
    assert row(started.execution_id).context == {"paid": {"amount": 3}}
    check_history(started.execution_id)


def test_an_operators_action_is_recorded_with_who_and_why(waiting: None, committed: Any) -> None:
    started = engine.start("shop", {}, saga_id="s")
    work_off(committed)
    assert engine.preview("s").stages == (("a",),)
    engine.cancel("s", by="anna", reason="a mistake")
    work_off(committed)
    assert row(started.execution_id).status == "compensated"
    event = row(started.execution_id).events.get(type="saga.cancelled")
    assert event.data == {"by": "anna", "reason": "a mistake"}
    with pytest.raises(OperationRefused, match="nothing is left to act on"):
        engine.cancel("s", by="anna")


def test_many_at_once_and_each_refusal_is_told(waiting: None, committed: Any) -> None:
    for saga_id in ("s-1", "s-2"):
        engine.start("shop", {}, saga_id=saga_id)
    engine.cancel("s-1", by="anna")
    found = engine.operate_on_many(["s-1", "s-2", "s-3"], Cancel(by="anna", reason=""))
    assert found.done == 1
    assert found.refused.keys() == {"s-1", "s-3"}


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda: engine.cancel("unknown", by="anna"), NoSuchExecution),
        (lambda: engine.cancel("a\x00b", by="anna"), NoSuchExecution),
        (lambda: engine.cancel("s", by=""), BadInput),
        (lambda: engine.amend("s", {"attempt": 1}, by="anna"), BadInput),
        (lambda: engine.skip("s", "a", by="anna", changes={"x": float("nan")}), BadInput),
        (lambda: engine.signal("s", "paid", "\x00"), BadInput),
        (lambda: engine.signal("s", "paid", "x" * 300_000), BadInput),
        (lambda: engine.signal("s", "unpaid"), OperationRefused),
        (lambda: engine.start("shop", {}, start_at=datetime(2026, 1, 1)), BadInput),  # noqa: DTZ001
    ],
)
def test_bad_input_leaves_nothing_behind(
    act: Any, error: type[Exception], waiting: None, committed: Any
) -> None:
    started = engine.start("shop", {}, saga_id="s")
    before = row(started.execution_id).revision
    with pytest.raises(error):
        act()
    assert row(started.execution_id).revision == before
    assert SagaExecution.objects.count() == 1


def test_a_saga_starts_at_its_time(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", lambda _: None)], deadline=60))
    soon = datetime.now(UTC) + timedelta(hours=1)
    started = engine.start("shop", {}, start_at=soon)
    found = row(started.execution_id)
    assert found.wake_at is not None
    assert (found.status, aware(found.wake_at), committed[-1].hints) == ("pending", soon, ())
    assert found.options["deadline"] == (soon + timedelta(seconds=60)).isoformat()
    soon_passed = {"start_at": (soon - timedelta(hours=2)).isoformat()}
    SagaExecution.objects.filter(pk=found.pk).update(options=soon_passed, wake_at=found.created_at)
    work_off(committed)
    assert row(started.execution_id).status == "completed"
