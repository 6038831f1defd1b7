"""Reminders in the rows: started once, and never in the way of the saga that waits."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.db import connection

from sagas import InvalidInput, Rejected, Remind, Repeat, Retry, Saga, SagaStep, WaitFor, engine
from sagas.machine import Failure, FailureKind
from sagas.models import SagaEvent, SagaExecution
from sagas.registry import registry
from sagas.testing.workers import work_off
from tests.engine.changing import BY, redefine
from tests.engine.driving import check_history, claim, pass_time, row
from tests.engine.test_races import together

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = 100
FIRST = "s~payment.remind.1"
told: list[Any] = []


def write(context: Any) -> None:
    told.append({key: context[key] for key in ("order", "reminder")})


def wait(**options: Any) -> WaitFor:
    return WaitFor("payment", remind=Remind("letter", every=EVERY, most=3), **options)


def reminding(define: Callable[[Saga], Saga], *steps: Any, **letter: Any) -> int:
    """A saga that waits, and reminds by letters."""
    told.clear()
    define(Saga("letter", [SagaStep("write", write, retry=Retry(1))], **letter))
    define(Saga("shop", list(steps) or [wait()]))
    return engine.start("shop", {"order": 1}, saga_id="s", owner_id=None).execution_id


def look(execution_id: int, seconds: float = EVERY) -> None:
    """Time goes by, and somebody looks, as the wake loop does."""
    pass_time(execution_id, seconds=seconds)
    engine.wake(100)


def statuses() -> dict[str, str]:
    return dict(SagaExecution.objects.order_by("id").values_list("saga_id", "status"))


def reminded(execution_id: int) -> list[tuple[int, str | None]]:
    """Of each reminder: its number, and the error that kept it from starting."""
    events = SagaEvent.objects.filter(execution_id=execution_id, type="step.reminded")
    return [
        (event.data["number"], event.data["failure"] and event.data["failure"]["error"])
        for event in events.order_by("seq")
    ]


def pays(execution_id: int) -> None:
    """S3: the wait ends as if there were no reminders."""
    engine.signal("s", "payment", True)
    assert row(execution_id).status == "completed"
    check_history(execution_id)


def test_each_reminder_is_an_execution_with_the_context_and_its_number(
    define: Any, committed: Any
) -> None:
    shop = reminding(define)
    for _ in range(5):
        look(shop)
        work_off(committed)
    names = [f"s~payment.remind.{number}" for number in (1, 2, 3)]
    assert statuses() == {"s": "running", **dict.fromkeys(names, "completed")}
    assert told == [{"order": 1, "reminder": number} for number in (1, 2, 3)]
    assert reminded(shop) == [(1, None), (2, None), (3, None)]
    assert row(shop).wake_at is None, "L1: after the last one, it waits for its signal alone"
    pays(shop)


def test_r14_of_many_wake_loops_one_starts_a_reminder(define: Any) -> None:
    shop = reminding(define)
    pass_time(shop, seconds=EVERY)
    together(lambda _: engine.wake(100))
    assert statuses() == {"s": "running", FIRST: "pending"}
    assert reminded(shop) == [(1, None)]
    check_history(shop)


def test_s9_a_reminder_and_its_event_are_written_together(define: Any) -> None:
    """A worker that dies before it has committed leaves neither, and another one starts it."""
    shop = reminding(define)
    pass_time(shop, seconds=EVERY)
    with mock.patch("sagas.engine.transact.save", side_effect=RuntimeError("killed")):
        engine.wake(100)
    assert statuses() == {"s": "running"}
    assert reminded(shop) == []
    look(shop)
    assert statuses() == {"s": "running", FIRST: "pending"}
    assert reminded(shop) == [(1, None)]
    check_history(shop)


def test_r7_a_signal_and_a_look_at_one_moment(define: Any) -> None:
    """The row's lock decides: a reminder was started before the signal, or not at all."""
    shop = reminding(define)
    pass_time(shop, seconds=EVERY)
    together(lambda n: engine.signal("s", "payment", True) if n else engine.wake(100), 2)
    check_history(shop)
    assert row(shop).status == "completed"
    types = list(SagaEvent.objects.filter(execution_id=shop).order_by("seq").values_list("type"))
    if ("step.reminded",) in types:
        assert types.index(("step.reminded",)) < types.index(("step.succeeded",))
    assert (FIRST in statuses()) == (("step.reminded",) in types)


def test_a_reminder_that_is_still_running_holds_nothing_up(define: Any) -> None:
    shop = reminding(define)
    look(shop)
    reminder = SagaExecution.objects.get(saga_id=FIRST)
    work = claim(reminder.pk, "write")
    pays(shop)
    assert row(reminder.pk).status == "running", "it goes on after the wait has ended"
    engine.succeed(work, None)
    assert row(reminder.pk).status == "completed"


def test_a_reminder_that_fails_holds_nothing_up(define: Any) -> None:
    shop = reminding(define)
    look(shop)
    reminder = SagaExecution.objects.get(saga_id=FIRST)
    engine.fail(claim(reminder.pk, "write"), Failure(FailureKind.REJECTED, "No", "no ink"))
    assert row(reminder.pk).status == "compensated"
    look(shop)
    assert reminded(shop) == [(1, None), (2, None)]
    pays(shop)


def test_a_cancelled_saga_sends_no_other_and_lets_a_running_one_go_on(define: Any) -> None:
    shop = reminding(define)
    look(shop)
    engine.cancel("s", **BY)
    assert statuses() == {"s": "compensated", FIRST: "pending"}
    look(shop)
    assert reminded(shop) == [(1, None)]
    reminder = SagaExecution.objects.get(saga_id=FIRST)
    engine.succeed(claim(reminder.pk, "write"), None)
    assert row(reminder.pk).status == "completed"
    check_history(reminder.pk)


def test_a_pause_and_a_resume_are_not_a_reminders(define: Any) -> None:
    shop = reminding(define)
    look(shop)
    engine.pause("s", **BY)
    look(shop, EVERY * 9)
    assert reminded(shop) == [(1, None)]
    reminder = SagaExecution.objects.get(saga_id=FIRST)
    assert not reminder.paused
    assert reminder.parent_id is None
    engine.resume("s", **BY)
    look(shop, 0)
    look(shop, EVERY - 10)
    assert reminded(shop) == [(1, None), (2, None)], "what came due in a pause is not made up for"
    pays(shop)


def refuses(context: Any) -> None:
    raise InvalidInput({"order": "is no order"})


def crashes(context: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


@pytest.mark.parametrize(
    ("letter", "error"),
    [
        ({"validate": refuses}, "BadInput"),
        ({"validate": crashes}, "DataError"),
        ({"locks": lambda _: 5}, "BadInput"),
        ({"locks": lambda _: ["ink"], "on_conflict": "fail"}, "LockHeld"),
    ],
)
def test_a_reminder_that_is_refused_holds_nothing_up(
    define: Any, letter: dict[str, Any], error: str
) -> None:
    shop = reminding(define, **letter)
    define(Saga("writer", [WaitFor("done")], locks=lambda _: ["ink"]))
    engine.start("writer", {}, saga_id="other")
    look(shop)
    assert statuses() == {"s": "running", "other": "running"}
    assert reminded(shop) == [(1, error)]
    look(shop)
    assert reminded(shop) == [(1, error), (2, error)]
    pays(shop)


def test_a_reminder_that_waits_for_a_lock_holds_nothing_up(define: Any) -> None:
    shop = reminding(define, locks=lambda _: ["ink"])
    look(shop)
    look(shop)
    second = SagaExecution.objects.get(saga_id="s~payment.remind.2")
    assert second.options["blocked"], "one letter at a time"
    pays(shop)


def test_a_reminder_whose_saga_is_unknown_holds_nothing_up(define: Any) -> None:
    shop = reminding(define)
    del registry._sagas["letter", 1]
    look(shop)
    assert reminded(shop) == [(1, "UnknownSaga")]
    assert statuses() == {"s": "running"}
    pays(shop)


def test_a_reminder_whose_id_is_taken_holds_nothing_up(define: Any) -> None:
    """As by one of an older saga of that id, which was deleted before its reminder."""
    shop = reminding(define)
    look(shop)
    SagaExecution.objects.filter(pk=shop).update(saga_id="older")
    again = engine.start("shop", {"order": 2}, saga_id="s").execution_id
    look(again)
    assert reminded(again) == [(1, "Conflict")]
    pays(again)


def test_s12_a_definition_without_reminders_ends_them(define: Any) -> None:
    shop = reminding(define)
    redefine(WaitFor("payment"))
    look(shop)
    assert reminded(shop) == [(1, "UnknownSaga")]
    assert row(shop).wake_at is None
    pays(shop)


def test_a_wait_in_a_round_reminds_by_the_rounds_id(define: Any, committed: Any) -> None:
    rounds = Repeat("months", [wait()], until="over", most=2)
    shop = reminding(define, rounds)
    month = SagaExecution.objects.get(saga_id="s~months.1")
    look(month.pk)
    work_off(committed)
    assert statuses()["s~months.1~payment.remind.1"] == "completed"
    check_history(shop)


def test_the_owner_of_a_saga_owns_its_reminders(define: Any, django_user_model: Any) -> None:
    anna = django_user_model.objects.create(username="anna")
    reminding(define)
    other = engine.start("shop", {"order": 2}, saga_id="t", owner_id=anna.pk).execution_id
    look(other)
    assert SagaExecution.objects.get(saga_id="t~payment.remind.1").owner_id == row(other).owner_id
    assert row(other).owner_id is not None


def test_a_reminder_is_undone_by_itself(define: Any, committed: Any) -> None:
    def refuse(context: Any) -> None:
        raise Rejected("no")

    done: list[str] = []
    write = SagaStep("write", lambda _: done.append("write"), lambda _: done.append("undo"))
    define(Saga("letter", [write, SagaStep("send", refuse)]))
    define(Saga("shop", [wait()]))
    shop = engine.start("shop", {}, saga_id="s").execution_id
    look(shop)
    work_off(committed)
    assert done == ["write", "undo"]
    assert statuses() == {"s": "running", FIRST: "compensated"}
