"""The races of the contract, with real concurrency: threads, each with a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from sagas import engine
from sagas.errors import Conflict
from sagas.machine import (
    Direction,
    Failure,
    FailureKind,
    Parallel,
    Retry,
    Saga,
    SagaStep,
    SubSaga,
    Verdict,
)
from sagas.models import SagaEvent, SagaExecution
from sagas.moments import aware
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER, check_history, claim, pass_time, row
from tests.seams import at_every_commit
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8


def together(function: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """Calls `function(0)`, `function(1)` … at one moment, each in a thread of its own."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(10)
            return function(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.fixture
def shop(define: Any) -> Saga:
    steps = [SagaStep("a", lambda _: {"a": 1}, lambda _: None), SagaStep("b", lambda _: None)]
    return define(Saga("shop", steps))


def test_r1_of_many_claims_of_one_hint_one_wins(shop: Saga) -> None:
    started = engine.start("shop", ORDER)
    won = together(lambda _: engine.claim(started.execution_id, "a", Direction.ACTION, 0))
    assert sum(work is not None for work in won) == 1
    assert row(started.execution_id).steps["a"]["attempts"] == 1
    check_history(started.execution_id)


def test_s11_of_many_starts_with_one_id_one_makes_the_saga(shop: Saga, committed: Any) -> None:
    made = together(lambda _: engine.start("shop", ORDER, saga_id="s-1"))
    assert sum(start.created for start in made) == 1
    assert len({start.execution_id for start in made}) == 1
    assert len(committed) == 1


def test_s11_of_two_starts_with_other_inputs_one_is_told(shop: Saga) -> None:
    def start(number: int) -> Any:
        try:
            return engine.start("shop", {"n": number}, saga_id="s-1")
        except Conflict as conflict:
            return conflict

    results = together(start)
    assert sum(isinstance(result, Conflict) for result in results) == THREADS - 1
    assert SagaExecution.objects.count() == 1


def test_s11_a_start_waits_for_the_one_before_it_and_takes_over_if_that_rolls_back(
    shop: Saga,
) -> None:
    inserted = threading.Event()

    def first() -> None:
        with transaction.atomic():
            engine.start("shop", ORDER, saga_id="s-1")
            inserted.set()
            wait_until(someone_is_blocked)
            transaction.set_rollback(True)

    def second() -> Any:
        inserted.wait(10)
        return engine.start("shop", ORDER, saga_id="s-1")

    _, started = together(lambda number: [first, second][number](), 2)
    assert started.created
    assert SagaExecution.objects.count() == 1


def test_s11_a_repeated_start_holds_nobody_up(shop: Saga) -> None:
    """Its caller's transaction stays open, and a worker reports all the same."""
    started = engine.start("shop", ORDER, saga_id="s-1")
    work = claim(started.execution_id, "a")
    repeated, reported = threading.Event(), threading.Event()

    def start_again() -> None:
        with transaction.atomic():
            assert not engine.start("shop", ORDER, saga_id="s-1").created
            repeated.set()
            assert reported.wait(10)

    def report() -> Any:
        assert repeated.wait(10)
        verdict = engine.succeed(work, None).verdict
        reported.set()
        return verdict

    assert together(lambda number: [start_again, report][number](), 2)[1] is Verdict.ACCEPTED


def test_r10_the_last_branches_that_end_together_join_once(define: Any) -> None:
    names = [f"branch{number}" for number in range(THREADS)]
    branches = [SagaStep(name, lambda _: None) for name in names]
    define(Saga("shop", [Parallel(*branches), SagaStep("z", lambda _: None)]))
    started = engine.start("shop", ORDER)
    works = [claim(started.execution_id, name) for name in names]
    verdicts = together(lambda number: engine.succeed(works[number], None).verdict)
    assert verdicts == [Verdict.ACCEPTED] * THREADS
    assert SagaEvent.objects.filter(type="step.scheduled", step="z").count() == 1
    check_history(started.execution_id)


def test_r11_branches_that_fail_together_turn_back_once(define: Any) -> None:
    names = [f"branch{number}" for number in range(THREADS)]
    branches = [SagaStep(name, lambda _: None, lambda _: None) for name in names]
    define(Saga("shop", [Parallel(*branches)]))
    started = engine.start("shop", ORDER)
    works = [claim(started.execution_id, name) for name in names]
    failures = [
        Failure(FailureKind.REJECTED if number % 2 else FailureKind.UNKNOWN, "Error", "")
        for number in range(THREADS)
    ]
    together(lambda number: engine.fail(works[number], failures[number]))
    assert SagaEvent.objects.filter(type="saga.compensating").count() == 1
    check_history(started.execution_id)


def test_r14_many_wake_loops_count_one_attempt(define: Any, committed: Any) -> None:
    step = SagaStep("a", lambda _: None, retry=Retry(max_attempts=3))
    define(Saga("shop", [step]))
    ids = [engine.start("shop", ORDER).execution_id for _ in range(10)]
    for execution_id in ids:
        claim(execution_id, "a")
        pass_time(execution_id, minutes=10)
    committed.clear()
    together(lambda _: engine.wake(100))
    assert len(committed) == len(ids), "each was woken once"
    for execution_id in ids:
        assert row(execution_id).steps["a"]["attempts"] == 1
        assert row(execution_id).steps["a"]["status"] == "scheduled"
        check_history(execution_id)


def test_r14_a_wake_loop_does_not_wait_for_a_worker(shop: Saga) -> None:
    started = engine.start("shop", ORDER)
    pass_time(started.execution_id, hours=1)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            SagaExecution.objects.select_for_update().get(pk=started.execution_id)
            holding.set()
            assert done.wait(10)

    def wake() -> None:
        assert holding.wait(10)
        engine.wake(10)
        done.set()

    together(lambda number: [hold, wake][number](), 2)
    assert row(started.execution_id).hints_sent == 0, "somebody was at work on it"


def test_s13_a_claim_that_waited_for_the_lock_is_timed_when_it_got_it(shop: Saga) -> None:
    """By PostgreSQL's clock, and not by the time at which its transaction began."""
    started = engine.start("shop", ORDER)
    holding = threading.Event()

    def hold() -> datetime:
        with transaction.atomic(), connection.cursor() as cursor:
            SagaExecution.objects.select_for_update().get(pk=started.execution_id)
            holding.set()
            wait_until(someone_is_blocked)
            # For longer than the time that was read before can be trusted.
            cursor.execute("SELECT pg_sleep(1.2), clock_timestamp()")
            return aware(cursor.fetchone()[1])

    def claim_then() -> Any:
        assert holding.wait(10)
        return engine.claim(started.execution_id, "a", Direction.ACTION, 0)

    released, work = together(lambda number: [hold, claim_then][number](), 2)
    claimed_at = work.context["deadline"] - shop.claimed_steps[0].soft_limit
    assert claimed_at >= released


def test_s13_a_process_that_is_wrong_about_the_time_asks_again(
    shop: Saga, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has gone by since a row was read is measured here; the database's clock judges it."""
    work = claim(engine.start("shop", ORDER).execution_id, "a")
    monkeypatch.setattr("sagas.store.executions.monotonic", lambda: work.row.read_at + 3600)
    following = engine.succeed(work, None, lambda *_: True).next
    assert following is not None
    assert following.context["deadline"] - work.context["deadline"] < timedelta(minutes=1)
    check_history(work.execution_id)


def test_r8_what_a_parent_says_while_a_childs_step_runs_is_not_overwritten(
    define: Any, committed: Any
) -> None:
    """The child's worker reports on the row as it has claimed it: without its parent's word."""
    define(Saga("shipping", [SagaStep(name, lambda _: None, lambda _: None) for name in "ab"]))
    define(Saga("shop", [SubSaga("shipping")]))
    parent_id = engine.start("shop", ORDER, saga_id="s-1").execution_id
    child_id = SagaExecution.objects.get(parent_id=parent_id).pk
    work = claim(child_id, "a")
    engine.cancel("s-1", by="anna")
    assert row(child_id).commands
    engine.succeed(work, None, lambda *_: True)
    assert "b" not in row(child_id).steps, "nothing new is started"
    work_off(committed)
    assert row(child_id).status == "compensated"
    check_history(child_id)


def test_r5_a_report_and_its_shutting_out_cannot_both_count(define: Any) -> None:
    define(Saga("shop", [SagaStep("a", lambda _: None, retry=Retry(max_attempts=2))]))
    for _ in range(10):
        started = engine.start("shop", ORDER)
        work = claim(started.execution_id, "a")
        pass_time(started.execution_id, minutes=10)

        def report_or_wake(number: int, work: engine.Work = work) -> Any:
            return engine.wake(10) if number else engine.succeed(work, {"a": 1}).verdict

        verdict, _ = together(report_or_wake, 2)
        found = row(started.execution_id)
        assert (verdict is Verdict.ACCEPTED) == (found.status == "completed")
        assert (found.context == {**ORDER, "a": 1}) == (verdict is Verdict.ACCEPTED)
        check_history(started.execution_id)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", ["claim", "report", "report and claim"])
def test_r6_a_connection_lost_at_commit(shop: Saga, moment: str, what: str) -> None:
    """The session is ended by another one, just before its COMMIT or just after: the row is read
    again, and the claim or report counts exactly once."""
    started = engine.start("shop", ORDER)
    execution_id = started.execution_id
    if what == "claim":
        with lost_at_commit(moment):
            work = engine.claim(execution_id, "a", Direction.ACTION, 0)
        assert work is not None
    else:
        work = claim(execution_id, "a")
        may = None if what == "report" else lambda *_: True
        with lost_at_commit(moment):
            reported = engine.succeed(work, work.run(), may)
        assert reported.verdict in (Verdict.ACCEPTED, Verdict.REPEATED)
        assert row(execution_id).context == {**ORDER, "a": 1}
        if reported.next is not None:
            engine.succeed(reported.next, None)
        assert (reported.next is not None) == (row(execution_id).status == "completed")
        assert (reported.next is not None) == (may is not None)
    assert row(execution_id).steps["a"]["attempts"] == 1
    assert row(execution_id).steps["a"]["fence"] == 1
    check_history(execution_id)


@contextmanager
def lost_at_commit(moment: str) -> Iterator[None]:
    """The next COMMIT loses its connection, before or after it reaches the server."""
    lost: list[str] = []

    def lose(commit: Callable[[], None]) -> None:
        if lost:
            return commit()
        lost.append(moment)
        if moment == "after":
            commit()
        end_session(server_process())
        connection.connection.execute("SELECT 1")
        return None

    with at_every_commit(lose):
        yield
    assert lost


def server_process() -> int:
    """That of the present transaction; a pooler would tell of another one at the start."""
    found = connection.connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(found[0])


def end_session(pid: int) -> None:
    """Ends another session of the server, and waits until it is gone."""
    settings = connection.get_connection_params()
    settings = {
        name: settings[name]
        for name in ("dbname", "user", "host", "port", "password")
        if settings.get(name)
    }
    with psycopg.connect(**settings, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def someone_is_blocked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])
