"""People, signals and children against workers, with real concurrency."""

import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from sagas import engine, listeners
from sagas.errors import OperationRefused
from sagas.machine import ForEach, Rejected, Retry, Saga, SagaStep, Verdict, WaitFor, wake
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from sagas.worker import steps as tasks
from tests.engine.driving import ORDER, check_history, claim, row
from tests.engine.test_races import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_r7_a_cancel_against_the_last_success_has_one_winner(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", lambda _: None, lambda _: None)]))
    outcomes = set()
    for number in range(12):
        saga_id = f"s-{number}"
        started = engine.start("shop", ORDER, saga_id=saga_id)
        work = claim(started.execution_id, "a")

        def act(who: int, work: Any = work, saga_id: str = saga_id) -> Any:
            if who == 0:
                return engine.succeed(work, None).verdict
            try:
                engine.cancel(saga_id, by="anna")
            except OperationRefused as refused:
                return str(refused)
            return "cancelled"

        verdict, told = together(act, 2)
        assert verdict is Verdict.ACCEPTED  # the claim was good, whoever came first
        work_off(committed)
        status = row(started.execution_id).status
        assert status == ("compensated" if told == "cancelled" else "completed")
        assert told == "cancelled" or "completed" in told
        check_history(started.execution_id)
        outcomes.add(status)
    assert outcomes <= {"completed", "compensated"}


def test_r13_of_many_signals_at_once_one_counts(define: Any, committed: Any) -> None:
    define(Saga("shop", [WaitFor("paid"), SagaStep("a", lambda _: None)]))
    started = engine.start("shop", ORDER, saga_id="s")

    def send(number: int) -> str:
        try:
            engine.signal("s", "paid", number // 2, by="the bank")
        except OperationRefused as error:
            return str(error)
        return ""

    told = together(send)
    assert told.count("") == 2, "the one that counts, and its repetition"
    assert set(told) == {"", "s: A signal 'paid' came before, with another payload."}
    found = row(started.execution_id)
    assert found.events.filter(type="saga.signalled").count() == 1
    assert found.events.get(type="saga.signalled").data["payload"] == found.context["paid"]
    check_history(started.execution_id)


def test_a_second_cancel_at_the_same_moment_is_no_second_cancel(define: Any) -> None:
    define(Saga("shop", [SagaStep("a", lambda _: None, lambda _: None), WaitFor("paid")]))
    started = engine.start("shop", ORDER, saga_id="s")
    engine.succeed(claim(started.execution_id, "a"), None)
    together(lambda _: engine.cancel("s", by="anna"))
    assert row(started.execution_id).events.filter(type="saga.cancelled").count() == 1


class Fleet:
    """Workers as threads, on one queue of messages, with two wake loops beside them."""

    def __init__(self, workers: int) -> None:
        self.messages: queue.Queue[listeners.Committed] = queue.Queue()
        self.done = threading.Event()
        loops = [threading.Thread(target=self._wake, daemon=True) for _ in range(2)]
        pool = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        self.threads = loops + pool

    def run_until_at_rest(self, execution_id: int, seconds: float) -> None:
        listeners._listeners[:] = [self._hear]
        for thread in self.threads:
            thread.start()
        for _ in range(int(seconds / 0.05)):
            if row(execution_id).status in ("completed", "compensated", "failed"):
                break
            self.done.wait(0.05)
        self.done.set()
        for thread in self.threads:
            thread.join(20)

    def _hear(self, told: Sequence[listeners.Committed]) -> None:
        for each in told:
            self.messages.put(each)

    def _work(self) -> None:
        try:
            while not self.done.is_set():
                try:
                    told = self.messages.get(timeout=0.05)
                except queue.Empty:
                    continue
                for hint in told.hints:
                    with suppress(Rejected):
                        tasks.perform(told.execution_id, hint.step, hint.direction, hint.fence)
        finally:
            connection.close()

    def _wake(self) -> None:
        try:
            while not self.done.wait(0.02):
                engine.wake(20)
        finally:
            connection.close()


@pytest.mark.parametrize("refused", [False, True])
def test_r10_children_that_end_together_are_all_heard_of_at_once(
    refused: bool, define: Any, committed: Any, monkeypatch: Any
) -> None:
    # Nothing is said a second time here: a word that got lost would leave the saga standing.
    monkeypatch.setattr(wake, "FIRST_REPEAT", timedelta(hours=1))
    monkeypatch.setattr(wake, "LONGEST_REPEAT", timedelta(hours=1))

    def reserve(context: Any) -> dict[str, Any]:
        if refused and context["index"] == 30:
            raise Rejected("sold out")
        return {"n": context["index"]}

    define(
        Saga(
            "shop",
            [
                ForEach(
                    "reserve",
                    over="items",
                    action=reserve,
                    compensation=lambda _: None,
                    retry=Retry(max_attempts=1),
                )
            ],
        )
    )
    fleet = Fleet(workers=4)
    before = committed[:]
    started = engine.start("shop", {"items": list(range(40))})
    for told in committed[len(before) :]:
        fleet.messages.put(told)
    fleet.run_until_at_rest(started.execution_id, seconds=30)
    found = row(started.execution_id)
    assert found.status == ("compensated" if refused else "completed")
    for member in [found, *SagaExecution.objects.filter(parent_id=found.pk)]:
        check_history(member.pk)
        assert member.status == found.status
