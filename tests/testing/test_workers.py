"""`sagas.testing` in the test cases that users have."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import TestCase, TransactionTestCase

from sagas import ForEach, Later, Rejected, Saga, SagaStep, Sleep, WaitFor, engine, listeners
from sagas.models import SagaEvent, SagaExecution
from sagas.testing import make_context, worker
from sagas.testing.workers import Worker, definable, work_off


def reserve(context: Any) -> dict[str, Any]:
    return {"reservation": context["quantity"]}


def release(context: Any) -> None: ...


def charge(context: Any) -> None:
    if context.get("card") == "declined":
        raise Rejected("The card is declined.")


SHOP = Saga("shop", [SagaStep("reserve", reserve, release), SagaStep("charge", charge)])


def status_of(saga_id: str) -> str:
    return SagaExecution.objects.get(saga_id=saga_id).status


class Orders:
    """The same tests in either of Django's cases."""

    worker: Worker
    enterContext: Any

    def setUp(self) -> None:
        self.enterContext(definable())(SHOP)
        self.worker = self.enterContext(worker())

    def test_a_saga_is_completed(self) -> None:
        engine.start("shop", {"quantity": 1}, saga_id="s-1")
        self.worker.work_off()
        assert status_of("s-1") == "completed"

    def test_a_saga_is_undone(self) -> None:
        with transaction.atomic():
            engine.start("shop", {"quantity": 1, "card": "declined"}, saga_id="s-1")
        self.worker.work_off()
        assert status_of("s-1") == "compensated"

    def test_a_start_that_is_rolled_back_never_was(self) -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            engine.start("shop", {"quantity": 1 // 0}, saga_id="s-1")
        self.worker.work_off()
        assert not SagaExecution.objects.exists()


class InOneTransaction(Orders, TestCase):
    def test_what_else_waits_for_the_commit_goes_on_waiting(self) -> None:
        told: list[str] = []
        transaction.on_commit(lambda: told.append("committed"))
        engine.start("shop", {"quantity": 1}, saga_id="s-1")
        with self.captureOnCommitCallbacks() as waiting:
            self.worker.work_off()
        assert not told
        assert status_of("s-1") == "completed"
        assert not waiting


class InTheirOwn(Orders, TransactionTestCase):
    def test_r23_an_action_that_leaves_a_transaction_open_fails(self) -> None:
        def leave(context: Any) -> None:
            transaction.atomic().__enter__()

        self.enterContext(definable())(Saga("leaving", [SagaStep("leave", leave)]))
        engine.start("leaving", {}, saga_id="s-1")
        self.worker.work_off()
        [failed] = SagaEvent.objects.filter(type="step.retrying")
        assert failed.data["failure"]["error"] == "TransactionLeftOpen"


class OfAsyncActions(TestCase):
    """The test's own transaction is around what an async action does, too."""

    def setUp(self) -> None:
        self.enterContext(definable())(Saga("shop", [SagaStep("make", self.make)]))
        self.worker: Worker = self.enterContext(worker())

    async def make(self, context: Any) -> None:
        await Group.objects.aget(name="before")
        await Group.objects.acreate(name="made")

    def test_it_sees_what_the_test_wrote(self) -> None:
        Group.objects.create(name="before")
        engine.start("shop", {}, saga_id="s-1")
        self.worker.work_off()
        assert Group.objects.filter(name="made").exists()

    async def test_it_is_worked_off_by_an_async_test(self) -> None:
        await Group.objects.acreate(name="before")
        await sync_to_async(engine.start)("shop", {}, saga_id="s-1")
        with pytest.raises(RuntimeError, match="sync_to_async"):
            self.worker.work_off()
        await sync_to_async(self.worker.work_off)()
        assert await Group.objects.filter(name="made").aexists()


def test_a_plain_database_test_is_enough(saga_worker: Worker, define_saga: Any) -> None:
    define_saga(SHOP)
    engine.start("shop", {"quantity": 1}, saga_id="s-1")
    saga_worker.work_off()
    assert status_of("s-1") == "completed"


def test_items_are_worked_off_too(saga_worker: Worker, define_saga: Any) -> None:
    each = ForEach("each", over="numbers", action=lambda context: {"twice": 2 * context["item"]})
    define_saga(Saga("items", [each]))
    engine.start("items", {"numbers": [1, 2]}, saga_id="s-1")
    saga_worker.work_off()
    assert SagaExecution.objects.get(saga_id="s-1").context["each"] == [{"twice": 2}, {"twice": 4}]


@pytest.mark.django_db(transaction=True)
def test_time_goes_by_as_far_as_it_is_told(saga_worker: Worker, define_saga: Any) -> None:
    asked: list[int] = []

    def ask(context: Any) -> None:
        asked.append(context.attempt)
        if len(asked) < 3:
            raise Later("not ready", after=600)

    define_saga(
        Saga(
            "waiting",
            [
                Sleep("sleep", timedelta(days=7)),
                WaitFor("paid", timeout=3600, on_timeout="continue"),
                SagaStep("ask", ask),
            ],
        )
    )
    started = engine.start("waiting", {}, saga_id="s-1")
    saga_worker.work_off()
    saga_worker.wait(timedelta(days=7) - timedelta(minutes=1))
    found = SagaExecution.objects.get(pk=started.execution_id)
    assert found.steps["sleep"]["status"] == "waiting"
    saga_worker.wait(120)
    found.refresh_from_db()
    assert found.steps["paid"]["status"] == "waiting"
    saga_worker.wait(3600)
    assert asked == [1]
    saga_worker.wait(1000)
    assert asked == [1, 2]
    saga_worker.wait(200)
    assert (asked, status_of("s-1")) == ([1, 2, 3], "completed")


def test_nobody_else_is_told_until_the_end(db: None, define_saga: Any) -> None:
    told: list[Any] = []
    before = list(listeners._listeners)
    listeners._listeners[:] = [told.extend]
    try:
        define_saga(SHOP)
        with worker() as mine:
            engine.start("shop", {"quantity": 1}, saga_id="s-1")
            mine.work_off()
        assert not told
        assert listeners._listeners == [told.extend]
    finally:
        listeners._listeners[:] = before


def start_again(context: Any) -> None:
    engine.start("endless", {})


def test_what_has_no_end_is_told(saga_worker: Worker, define_saga: Any) -> None:
    define_saga(Saga("endless", [SagaStep("start_again", start_again)]))
    engine.start("endless", {})
    with pytest.raises(AssertionError, match="without an end: does a saga start itself again"):
        work_off(saga_worker.messages, most=20)


def test_a_context_is_what_the_engine_would_make() -> None:
    values = {"items": [1]}
    context = make_context(values, saga_id="o-7", step="charge", compensation=True, attempt=2)
    context["items"].append(2)
    assert values == {"items": [1]}
    assert context.idempotency_key == "o-7:charge:compensation"
    assert (context.action_key, context.attempt) == ("o-7:charge:action", 2)
    assert context.deadline.tzinfo is not None
