"""The engine on the real PostgreSQL: what is committed, what is refused, what is told."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction

from sagas import engine
from sagas.errors import BadInput, Conflict, UnknownSaga
from sagas.machine import (
    Failure,
    FailureKind,
    InvalidInput,
    Parallel,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    Verdict,
)
from sagas.models import SagaEvent, SagaExecution
from sagas.moments import aware
from tests.engine.driving import ORDER, check_history, claim, pass_time, perform, row

pytestmark = pytest.mark.django_db(transaction=True)

calls: list[tuple[str, dict[str, Any]]] = []


def reserve(context: Any) -> dict[str, Any]:
    calls.append(("reserve", dict(context)))
    return {"reservation": 7}


def release(context: Any) -> None:
    calls.append(("release", dict(context)))


def charge(context: Any) -> dict[str, Any]:
    context["charged"] = True
    return dict(context)


def refuse(context: Any) -> None:
    raise Rejected("no")


@pytest.fixture
def saga(define: Any) -> Saga:
    calls.clear()
    steps = [SagaStep("reserve", reserve, release), SagaStep("charge", charge)]
    return define(Saga("shop", steps))


def test_s10_a_saga_runs_and_its_context_grows(saga: Saga, committed: Any) -> None:
    started = engine.start("shop", ORDER, saga_id="s-1")
    while hints := committed[-1].hints:
        perform(started.execution_id, hints[0])
    found = row(started.execution_id)
    assert found.status == "completed"
    assert found.context == {"order": 1, "reservation": 7, "charged": True}
    assert found.wake_at is None
    assert found.finished_at is not None
    given = calls[0][1]
    assert given["idempotency_key"] == "s-1:reserve:action"
    assert (given["saga_id"], given["attempt"], given["order"]) == ("s-1", 1, 1)
    assert given["deadline"] > aware(found.created_at)
    check_history(started.execution_id)


def test_a_compensation_sees_the_output_of_its_step(define: Any, committed: Any) -> None:
    calls.clear()
    define(Saga("shop", [SagaStep("reserve", reserve, release), SagaStep("x", refuse)]))
    started = engine.start("shop", ORDER, saga_id="s-1")
    perform(started.execution_id, committed[-1].hints[0])
    work = claim(started.execution_id, "x")
    with pytest.raises(Rejected) as refused:
        work.run()
    engine.fail(work, Failure.of(FailureKind.REJECTED, refused.value))
    perform(started.execution_id, committed[-1].hints[0])
    assert row(started.execution_id).status == "compensated"
    name, given = calls[-1]
    assert (name, given["reservation"]) == ("release", 7)
    assert given["idempotency_key"] == "s-1:reserve:compensation"
    check_history(started.execution_id)


def test_s9_a_saga_exists_if_and_only_if_its_caller_commits(saga: Saga, committed: Any) -> None:
    with transaction.atomic():
        engine.start("shop", ORDER, saga_id="s-1")
        transaction.set_rollback(True)
    assert not SagaExecution.objects.exists()
    assert committed == []
    with transaction.atomic():
        engine.start("shop", ORDER, saga_id="s-1")
        assert committed == [], "nothing is sent before the commit"
    assert [hint.step for hint in committed[0].hints] == ["reserve"]


def test_s9_no_transaction_is_open_while_an_action_runs(define: Any, committed: Any) -> None:
    seen: list[bool] = []
    define(Saga("shop", [SagaStep("look", lambda _: seen.append(connection.in_atomic_block))]))
    started = engine.start("shop", ORDER)
    perform(started.execution_id, committed[-1].hints[0])
    assert seen == [False]


def test_reports_open_a_transaction_of_their_own(saga: Saga) -> None:
    started = engine.start("shop", ORDER)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        claim(started.execution_id, "reserve")


def test_s11_the_same_start_is_the_same_execution(saga: Saga) -> None:
    first = engine.start("shop", {"a": 1, "b": 2}, saga_id="s-1")
    again = engine.start("shop", {"b": 2, "a": 1}, saga_id="s-1")
    assert (first.created, again.created) == (True, False)
    assert first.execution_id == again.execution_id
    assert SagaEvent.objects.filter(type="saga.started").count() == 1


def test_s11_a_saga_id_with_another_type_input_or_owner_is_a_conflict(
    saga: Saga, define: Any
) -> None:
    define(Saga("other", [SagaStep("a", reserve)]))
    user = get_user_model().objects.create_user("alice")
    engine.start("shop", ORDER, saga_id="s-1")
    for start in (
        lambda: engine.start("shop", {"order": 2}, saga_id="s-1"),
        lambda: engine.start("other", ORDER, saga_id="s-1"),
        lambda: engine.start("shop", ORDER, saga_id="s-1", owner_id=user.pk),
    ):
        with pytest.raises(Conflict, match="Choose another id"):
            start()
    assert SagaExecution.objects.count() == 1


def check_is_even(context: Any) -> None:
    if context["n"] % 2:
        raise InvalidInput({"n": "is odd"})


@pytest.mark.parametrize(
    ("saga_id", "context", "field"),
    [
        ("a/b", {}, "saga_id"),
        ("", {}, "saga_id"),
        ("x" * 101, {}, "saga_id"),
        ("ok\n", {}, "saga_id"),
        ("ok", {"n": float("nan")}, "context.n"),
        ("ok", {"n": {"m": ["\x00"]}}, "context.n.m.0"),
        ("ok", {"n": "x" * 300_000}, "context"),
        ("ok", {"attempt": 1}, "context.attempt"),
        ("ok", {"n": 1}, "context.n"),
        ("ok", {"n": 2, "x": [1e300] * 1000}, "context.x.0"),
        ("ok", ["n"], "context"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    define: Any, saga_id: str, context: Any, field: str
) -> None:
    define(Saga("even", [SagaStep("a", reserve)], validate=check_is_even))
    with pytest.raises(BadInput) as refused:
        engine.start("even", context, saga_id=saga_id)
    assert list(refused.value.fields) == [field]
    assert not SagaExecution.objects.exists()


def test_s12_an_execution_keeps_its_version(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("old", reserve)], version=1))
    started = engine.start("shop", ORDER)
    define(Saga("shop", [SagaStep("new", charge)], version=2))
    assert engine.start("shop", ORDER).execution_id != started.execution_id
    assert row(started.execution_id).version == 1
    assert claim(started.execution_id, "old") is not None
    with pytest.raises(UnknownSaga, match="version 3"):
        engine.start("shop", ORDER, version=3)


def test_s12_work_of_an_unknown_version_is_left_alone_loudly(
    saga: Saga, committed: Any, caplog: Any
) -> None:
    started = engine.start("shop", ORDER)
    SagaExecution.objects.update(version=99)
    assert claim(started.execution_id, "reserve") is None
    assert "this process does not know" in caplog.text
    pass_time(started.execution_id, hours=1)
    before = row(started.execution_id).wake_at
    assert engine.wake(10) == 0
    assert row(started.execution_id).wake_at == before
    [found] = engine.stranded()
    assert (found.saga_type, found.version, found.count) == ("shop", 99, 1)


@pytest.mark.parametrize("returned", [float("nan"), "\x00", {1: 2}, object(), "x" * 300_000])
def test_r17_a_result_that_cannot_be_stored_is_an_unknown_attempt(
    define: Any, committed: Any, returned: Any
) -> None:
    define(Saga("shop", [SagaStep("a", lambda _: {"x": returned}, retry=Retry(1))]))
    started = engine.start("shop", ORDER)
    work = claim(started.execution_id, "a")
    assert engine.succeed(work, work.run()).verdict is Verdict.ACCEPTED
    step = row(started.execution_id).steps["a"]
    assert (step["status"], step["effect"]) == ("failed", "possible")
    assert step["failure"]["error"] == "NotStorable"
    assert row(started.execution_id).context == ORDER
    check_history(started.execution_id)


def test_r17_a_context_that_grows_too_large_is_an_unknown_attempt(
    define: Any, committed: Any
) -> None:
    big = {"a": "x" * 200_000}
    define(Saga("shop", [SagaStep("a", lambda _: {"b": "x" * 200_000}, retry=Retry(1))]))
    started = engine.start("shop", big)
    work = claim(started.execution_id, "a")
    engine.succeed(work, work.run())
    assert row(started.execution_id).steps["a"]["failure"]["error"] == "NotStorable"
    assert row(started.execution_id).context == big


@pytest.mark.parametrize(
    "values",
    [
        {"status": "running", "wake_at": None},
        {"status": "completed", "finished_at": "2026-01-01T00:00Z"},
        {"status": "completed", "wake_at": None},
        {"finished_at": "2026-01-01T00:00Z", "wake_at": None},
        {"status": "lost"},
        {"outcome": "final"},
        {"number": 1},
        {"last_seq": 0},
    ],
)
def test_l1_the_database_refuses_what_the_machine_cannot_say(
    saga: Saga, values: dict[str, Any]
) -> None:
    engine.start("shop", ORDER)
    with pytest.raises(IntegrityError):
        SagaExecution.objects.update(**values)


def test_s10_parallel_branches_merge_their_changes(define: Any, committed: Any) -> None:
    define(
        Saga(
            "shop",
            [Parallel(SagaStep("a", lambda _: {"a": 1}), SagaStep("b", lambda _: {"b": 2}))],
        )
    )
    started = engine.start("shop", ORDER)
    first, second = claim(started.execution_id, "a"), claim(started.execution_id, "b")
    engine.succeed(second, second.run())
    engine.succeed(first, first.run())
    assert row(started.execution_id).context == {"order": 1, "a": 1, "b": 2}
    check_history(started.execution_id)
