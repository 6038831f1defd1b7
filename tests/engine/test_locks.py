"""Locks between sagas: first come, first served; a cycle is found; the end frees them."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from sagas import engine
from sagas.errors import BadInput, Conflict, LockHeld
from sagas.machine import Rejected, Saga, SagaStep, SubSaga
from sagas.models import SagaExecution, SagaLock
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)

done: list[str] = []


def work(context: Any) -> None:
    done.append(context["saga_id"])
    if context.get("refused"):
        raise Rejected("no")


def by_user(context: Any) -> list[str]:
    return [f"user:{name}" for name in context["users"]]


@pytest.fixture
def saga(define: Any) -> Saga:
    done.clear()
    steps = [SagaStep("a", lambda _: None, lambda _: None), SagaStep("work", work)]
    return define(Saga("shop", steps, locks=by_user))


def start(saga_id: str, *users: str, **more: Any) -> int:
    context = {"users": list(users), **more}
    return engine.start("shop", context, saga_id=saga_id).execution_id


def blocked(execution_id: int) -> bool:
    return bool(row(execution_id).options.get("blocked"))


def test_one_after_the_other_first_come_first_served(saga: Saga, committed: Any) -> None:
    ids = [start(f"s-{n}", "anna") for n in range(4)]
    other = start("other", "bert")
    assert [blocked(id_) for id_ in (*ids, other)] == [False, True, True, True, False]
    work_off(committed)
    assert [name for name in done if name != "other"] == ["s-0", "s-1", "s-2", "s-3"]
    assert {row(id_).status for id_ in (*ids, other)} == {"completed"}
    assert not SagaLock.objects.exists()
    check_history(ids[3])


def test_a_saga_waits_until_it_is_first_for_each_of_its_locks(saga: Saga, committed: Any) -> None:
    first, second = start("s-1", "anna"), start("s-2", "bert")
    both = start("s-3", "bert", "anna")
    after = start("s-4", "bert")
    assert [blocked(id_) for id_ in (first, second, both, after)] == [False, False, True, True]
    work_off(committed)
    assert done.index("s-3") < done.index("s-4")


@pytest.mark.parametrize("end", ["completed", "compensated", "cancelled"])
def test_the_end_frees_the_locks_whatever_happened(end: str, saga: Saga, committed: Any) -> None:
    start("s-1", "anna", refused=end == "compensated")
    waiting = start("s-2", "anna")
    if end == "cancelled":
        engine.cancel("s-1", by="anna")
    work_off(committed)
    assert row(waiting).status == "completed"
    assert not SagaLock.objects.exists()


def test_one_that_waits_can_be_cancelled_and_gives_up_its_place(saga: Saga, committed: Any) -> None:
    start("s-1", "anna")
    waiting = start("s-2", "anna")
    engine.cancel("s-2", by="anna")
    assert row(waiting).status == "compensated"
    assert SagaLock.objects.count() == 1


def test_on_conflict_fail_refuses_the_start_and_leaves_nothing(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("work", work)], locks=by_user, on_conflict="fail"))
    start("s-1", "anna")
    with pytest.raises(LockHeld, match="user:anna"):
        start("s-2", "anna")
    assert (SagaExecution.objects.count(), SagaLock.objects.count()) == (1, 1)
    assert start("s-1", "anna")  # S11: the same start again is no conflict with itself


def test_the_lock_is_the_starters_transactions(saga: Saga, committed: Any) -> None:
    with transaction.atomic():
        start("s-1", "anna")
        transaction.set_rollback(True)
    assert not SagaLock.objects.exists()
    assert not blocked(start("s-2", "anna"))


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x00b", 7])
def test_what_is_no_name_of_a_lock_is_refused(key: Any, define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("work", work)], locks=lambda _: [key]))
    with pytest.raises(BadInput, match="is not a name"):
        engine.start("shop", {})
    assert not SagaExecution.objects.exists()


def test_concurrent_starts_get_one_holder_and_one_queue(saga: Saga, committed: Any) -> None:
    def begin(number: int) -> None:
        ready.wait()
        try:
            for index in range(5):
                ids.append(start(f"s-{number}-{index}", "anna", "bert"))
        finally:
            connection.close()

    ids: list[int] = []
    ready = threading.Barrier(8, timeout=20)
    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [blocked(id_) for id_ in ids].count(False) == 1
    work_off(committed)
    assert {row(id_).status for id_ in ids} == {"completed"}
    assert len(done) == 40


@pytest.fixture
def nested(define: Any) -> None:
    done.clear()
    define(Saga("inner", [SagaStep("work", work)], locks=lambda c: [f"user:{c['then']}"]))
    nested_steps: list[Any] = [SagaStep("a", lambda _: None, lambda _: None), SubSaga("inner")]
    define(Saga("shop", nested_steps, locks=by_user))


def test_a_child_shares_its_familys_locks(nested: None, committed: Any) -> None:
    id_ = start("s-1", "anna", then="anna")
    start("s-2", "anna", then="anna")
    work_off(committed)
    assert row(id_).status == "completed"
    assert done == ["s-1~inner", "s-2~inner"]


def test_a_deadlock_is_found_and_told(nested: None, committed: Any) -> None:
    first = start("s-1", "anna", then="bert")
    second = start("s-2", "bert", then="anna")
    work_off(committed)
    waiting = SagaExecution.objects.filter(options__blocked=True)
    assert {child.saga_id for child in waiting} == {"s-1~inner", "s-2~inner"}
    for child in waiting:
        pass_time(child.pk, seconds=6)
    work_off(committed)
    assert [row(first).status, row(second).status] == ["compensated", "completed"]
    child = SagaExecution.objects.get(saga_id="s-1~inner")
    told = child.events.get(type="saga.compensating")
    assert told.data["failure"]["error"] == "Deadlock"
    assert "user:anna" in told.data["failure"]["message"]
    assert not SagaLock.objects.exists()


def test_s11_the_conflict_of_a_taken_saga_id_is_told_first(saga: Saga, committed: Any) -> None:
    start("s-1", "anna")
    with pytest.raises(Conflict, match="another type"):
        start("s-1", "bert")
