"""R22: whatever is wrong with a session, a new one does what was asked, and the fact is decided
anew; nothing is ever poisoned by its session."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import Error, connection, transaction

from sagas import engine
from sagas.engine import NewSaga
from sagas.machine import Direction, Failure, FailureKind, Saga, SagaStep, Verdict, WaitFor
from sagas.store import recovery
from tests.engine.driving import ORDER, claim, pass_time, row
from tests.engine.ill_sessions import ILL, another_type, say
from tests.surroundings.marks import one_session

pytestmark = [pytest.mark.django_db(transaction=True), one_session]

Ill = Callable[[], None]


@pytest.fixture(autouse=True)
def warm(define: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A session that has prepared all statements, as that of a process that has run for a while."""
    monkeypatch.setattr(recovery, "RECONNECTS", (0.0,) * len(recovery.RECONNECTS))
    connection.close()
    define(Saga("shop", [SagaStep("reserve", lambda _: None), WaitFor("paid")]))
    engine.start("shop", ORDER)
    work = claim(engine.start("shop", ORDER).execution_id, "reserve")
    engine.succeed(work, None)
    yield
    connection.close()


@pytest.fixture(params=ILL)
def ill(request: pytest.FixtureRequest) -> Ill:
    return ILL[request.param]


def act_on(execution_id: int, saga_id: str, ill: Ill) -> None:
    """Whatever is done with an execution, each time over a session that has just become ill."""
    ill()
    work = engine.claim(execution_id, "reserve", Direction.ACTION, 0, holder="me")
    assert work is not None
    ill()
    assert engine.lost(execution_id, "nobody") is Verdict.REFUSED
    ill()
    assert engine.fail(work, Failure.of(FailureKind.UNKNOWN, OSError())).verdict is Verdict.ACCEPTED
    pass_time(execution_id, minutes=10)
    work = claim(execution_id, "reserve")
    ill()
    assert engine.succeed(work, {"x": 1}).verdict is Verdict.ACCEPTED
    ill()
    engine.signal(saga_id, "paid")
    assert row(execution_id).status == "completed"


def test_r22_workers_and_signals_get_another_session(ill: Ill, committed: Any) -> None:
    started = engine.start("shop", ORDER)
    act_on(started.execution_id, started.saga_id, ill)


def test_r22_operators_get_another_session(ill: Ill) -> None:
    """With the look-up before the fact."""
    started = engine.start("shop", ORDER)
    ill()
    engine.pause(started.saga_id, by="me")
    ill()
    engine.preview(started.saga_id)
    ill()
    engine.amend(started.saga_id, {"order": 2}, by="me")
    found = row(started.execution_id)
    assert found.paused
    assert found.context == {"order": 2}


JOINED = ("amid a transaction", "without autocommit")


@pytest.mark.parametrize("name", [name for name in ILL if name not in JOINED])
def test_r22_starts_get_another_session(name: str) -> None:
    ILL[name]()
    started = engine.start("shop", ORDER)
    ILL[name]()
    many = engine.start_many("shop", [NewSaga(ORDER), NewSaga(ORDER)])
    connection.close()  # what was not committed is gone by now
    assert [row(one.execution_id).status for one in (started, *many)] == ["pending"] * 3


def test_r22_claims_and_reports_of_many_get_another_session(ill: Ill) -> None:
    ids = [engine.start("shop", ORDER).execution_id for _ in range(3)]
    ill()
    rows = engine.look_ahead(ids)
    rows = rows or engine.look_ahead(ids)
    fences = dict.fromkeys(ids, 0)
    ill()
    asked = {"holder": "me", "seen": rows}
    engine.claim_together(fences, "reserve", Direction.ACTION, **asked)  # type: ignore[arg-type]
    found = engine.claim_together(fences, "reserve", Direction.ACTION, **asked)  # type: ignore[arg-type]
    done = [(work, None) for work in found.values() if work]
    done = done or [(work, None) for each in ids if (work := claim(each, "reserve"))]
    ill()
    reported = list(engine.succeed_together(done, lambda work: lambda step, direction: False))
    assert {each.verdict for each in reported} <= {Verdict.ACCEPTED}
    assert engine.look_ahead(ids), "the session is a good one again"


def test_r22_the_wake_loop_gets_another_session_at_its_next_look(ill: Ill) -> None:
    started = engine.start("shop", ORDER)
    pass_time(started.execution_id, minutes=10)
    ill()
    with suppress(Error):
        engine.wake(10)
    engine.end_session()  # as the loop does after any error
    engine.wake(10)
    assert row(started.execution_id).hints_sent == 1


def test_r22_a_plan_that_a_migration_has_changed_is_made_anew() -> None:
    started = engine.start("shop", ORDER)
    migrated: list[bool] = []

    def migrate_once() -> None:
        if not migrated:
            say("ALTER TABLE sagas_sagaexecution ALTER COLUMN hints_sent TYPE bigint")()
            migrated.append(True)

    with another_type():
        act_on(started.execution_id, started.saga_id, migrate_once)


def test_r22_a_transaction_of_the_caller_is_lost_with_its_session_and_the_next_is_not() -> None:
    say("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")()
    for _ in range(2):
        with suppress(Error), transaction.atomic():
            engine.start("shop", ORDER, saga_id="mine")
    assert engine.start("shop", ORDER, saga_id="mine").created is False


@pytest.mark.parametrize("size", [1, 4])
def test_r22_a_pool_hands_out_none_of_the_sessions_that_were_ill(size: int) -> None:
    """As in a web process: all of them have turned read-only together."""
    connection.close()
    settings = connection.settings_dict
    before = {**settings, "OPTIONS": dict(settings["OPTIONS"])}
    settings["CONN_MAX_AGE"] = 0
    settings["OPTIONS"]["pool"] = {"min_size": size, "max_size": size}
    try:
        connection.ensure_connection()
        pool = connection.pool  # type: ignore[attr-defined]
        connection.close()
        pool.wait(20)
        lent = [pool.getconn() for _ in range(size)]
        for each in lent:
            each.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        for each in lent:
            pool.putconn(each)
        for _ in range(size):
            engine.start("shop", ORDER)
            connection.close()
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        settings.update(before)


def test_r22_what_is_wrong_with_the_question_is_asked_once_more_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A table that is not there may be on another search_path; then nobody waits for it."""
    asked = []

    @recovery.repeated
    def ask() -> None:
        asked.append(connection.connection)
        say("SELECT * FROM no_such_table")()

    monkeypatch.setattr("time.sleep", lambda pause: asked.append(pause))
    with pytest.raises(Error, match="no_such_table"):
        ask()
    assert len([each for each in asked if each == 0.0]) == 1
    assert len(asked) == 3


def test_r22_tries_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    @recovery.repeated
    def ask() -> None:
        asked.append(1)
        say("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "CREATE TABLE none ()")()

    with pytest.raises(Error, match="read-only"):
        ask()
    assert len(asked) == 1 + len(recovery.RECONNECTS)
