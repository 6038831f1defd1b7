"""`start_many`: all of them or none, each as `start` would (S11), in one statement."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from sagas import engine, inputs
from sagas.engine import NewSaga
from sagas.errors import BadInput, Conflict, LockHeld, UnknownSaga
from sagas.machine import ForEach, InvalidInput, Saga, SagaStep, SubSaga, WaitFor
from sagas.models import SagaEvent, SagaExecution, SagaLock
from sagas.store import executions
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, row
from tests.engine.test_races import someone_is_blocked, together
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def nothing(context: Any) -> None:
    return None


def is_even(context: Any) -> None:
    if context["n"] % 2:
        raise InvalidInput({"n": "is odd"})


@pytest.fixture
def shop(define: Any) -> Saga:
    return define(Saga("shop", [SagaStep("a", nothing, nothing), SagaStep("b", nothing)]))


def new(*saga_ids: str | None, **context: Any) -> list[NewSaga]:
    return [NewSaga(context, saga_id) for saga_id in saga_ids]


def test_each_is_started_as_it_would_be_alone(shop: Saga, committed: Any) -> None:
    owner = get_user_model().objects.create_user("alice")
    soon = datetime.now(UTC) + timedelta(hours=1)
    late = soon + timedelta(hours=1)
    given: dict[str, Any] = {"start_at": soon, "deadline": late, "tags": ["vip"]}
    both = engine.start_many(
        "shop", [NewSaga({"n": 1}, "s-2"), NewSaga({"n": 2}, "s-1", **given)], owner_id=owner.pk
    )
    assert [(each.saga_id, each.created) for each in both] == [("s-2", True), ("s-1", True)]
    alone = engine.start("shop", {"n": 2}, saga_id="s-3", owner_id=owner.pk, **given)
    found, other = row(both[1].execution_id), row(alone.execution_id)
    for name in (
        "context",
        "options",
        "tags",
        "status",
        "wake_at",
        "last_seq",
        "owner_id",
        "steps",
    ):
        assert getattr(found, name) == getattr(other, name), name
    assert [told.saga_id for told in committed] == ["s-1", "s-2", "s-3"]
    work_off(committed)
    assert row(both[0].execution_id).status == "completed"
    for each in both:
        check_history(each.execution_id)


def test_without_ids_each_gets_one(shop: Saga) -> None:
    started = engine.start_many("shop", new(None, None, None))
    assert len({each.saga_id for each in started}) == SagaExecution.objects.count() == 3
    assert engine.start_many("shop", []) == []


def test_s11_what_was_started_before_is_the_same_execution(shop: Saga, committed: Any) -> None:
    first = engine.start("shop", {"n": 1}, saga_id="s-1")
    again = engine.start_many("shop", new("s-0", "s-1", "s-2", "s-2", n=1))
    assert [each.created for each in again] == [True, False, True, False]
    assert again[1].execution_id == first.execution_id
    assert again[2].execution_id == again[3].execution_id
    assert SagaEvent.objects.filter(type="saga.started").count() == 3
    assert len(committed) == 3
    assert not any(each.created for each in engine.start_many("shop", new("s-0", "s-2", n=1)))


@pytest.mark.parametrize("locks", [None, lambda context: [str(context["n"])]])
def test_s11_a_conflict_starts_none_and_each_is_named(
    locks: Any, define: Any, committed: Any
) -> None:
    define(Saga("shop", [SagaStep("a", nothing)], locks=locks))
    engine.start_many("shop", new("s-1", "s-3", n=1))
    committed.clear()
    wanted = [*new("s-0", "s-1", n=1), *new("s-3", "s-4", n=2), NewSaga({"n": 3}, "s-4")]
    with pytest.raises(Conflict, match="Nothing was started") as refused:
        engine.start_many("shop", wanted)
    assert list(refused.value.fields) == ["sagas.2.saga_id", "sagas.4.saga_id"]
    assert SagaExecution.objects.count() == 2
    assert SagaLock.objects.count() == (2 if locks else 0)
    assert committed == []


def test_bad_input_starts_none_and_each_is_named(define: Any) -> None:
    define(Saga("even", [SagaStep("a", nothing)], validate=is_even))
    wanted = [
        NewSaga({"n": 2}),
        NewSaga({"n": 1}),
        NewSaga({"n": float("nan")}, "a/b"),
        NewSaga({"n": 2}, tags=["no tag"]),
        NewSaga({"n": 2}, deadline=datetime(4000, 1, 1, tzinfo=UTC)),
    ]
    with pytest.raises(BadInput) as refused:
        engine.start_many("even", wanted)
    names = ["sagas.1.context.n", "sagas.2.saga_id", "sagas.3.tags", "sagas.4.deadline"]
    assert list(refused.value.fields) == names
    assert not SagaExecution.objects.exists()
    with pytest.raises(UnknownSaga):
        engine.start_many("nobody", wanted)


def test_more_than_the_most_are_refused(shop: Saga, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST_STARTS", 2)
    with pytest.raises(BadInput, match="are 3, and at most 2 are allowed"):
        engine.start_many("shop", new(None, None, None))
    monkeypatch.setattr(inputs, "MOST_INPUT", 20)
    with pytest.raises(BadInput, match="characters of contexts, and at most 20 are allowed"):
        engine.start_many("shop", new(None, None, text="twelve chars"))
    assert not SagaExecution.objects.exists()


def test_s9_they_exist_if_and_only_if_the_caller_commits(shop: Saga, committed: Any) -> None:
    with transaction.atomic():
        engine.start_many("shop", new("s-1", "s-2"))
        assert committed == [], "nothing is sent before the commit"
        transaction.set_rollback(True)
    assert not SagaExecution.objects.exists()
    assert committed == []


def test_the_caller_may_go_on_after_a_refusal(shop: Saga) -> None:
    with transaction.atomic():
        engine.start("shop", {}, saga_id="s-1")
        with pytest.raises(Conflict):
            engine.start_many("shop", new("s-0", "s-1", n=1))
        engine.start("shop", {}, saga_id="s-2")
    assert set(SagaExecution.objects.values_list("saga_id", flat=True)) == {"s-1", "s-2"}


def test_locks_are_taken_in_order_and_freed(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)], locks=lambda _: ["till"]))
    started = engine.start_many("shop", new("s-1", "s-2", "s-3"))
    waiting = [bool(row(each.execution_id).options.get("blocked")) for each in started]
    assert waiting == [False, True, True]
    work_off(committed)
    assert {row(each.execution_id).status for each in started} == {"completed"}
    assert not SagaLock.objects.exists()


def test_a_lock_that_one_may_not_wait_for_starts_none(define: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)], locks=lambda _: ["till"], on_conflict="fail"))
    with pytest.raises(LockHeld) as refused:
        engine.start_many("shop", new("s-1", "s-2"))
    assert list(refused.value.fields) == ["sagas.1.saga_id"]
    assert not SagaExecution.objects.exists()
    assert not SagaLock.objects.exists()


def test_sagas_that_begin_with_others_have_them(define: Any, committed: Any) -> None:
    define(Saga("ship", [SagaStep("pack", nothing)]))
    define(Saga("shop", [SubSaga("ship"), ForEach("each", over="items", action=nothing)]))
    started = engine.start_many("shop", new("s-1", "s-2", items=[1, 2]))
    assert SagaExecution.objects.filter(parent__isnull=False).count() == 2
    work_off(committed)
    assert {row(each.execution_id).status for each in started} == {"completed"}
    assert SagaExecution.objects.count() == 8


def test_the_status_is_that_of_the_row(define: Any) -> None:
    define(Saga("approval", [WaitFor("approved")]))
    [started] = engine.start_many("approval", new("s-1"))
    assert started.status == row(started.execution_id).status == "running"


def test_they_are_written_in_the_order_of_their_ids(shop: Saga) -> None:
    """Two calls that have some in common then wait for each other one way round, in no cycle."""
    engine.start_many("shop", new("s-3", "s-1", "s-2"))
    ids = SagaExecution.objects.order_by("pk").values_list("saga_id", flat=True)
    assert list(ids) == ["s-1", "s-2", "s-3"]


def test_s11_of_two_at_once_one_starts_all(shop: Saga, committed: Any) -> None:
    def start(_: int) -> int:
        with transaction.atomic():
            started = engine.start_many("shop", new("s-1", "s-2", "s-3"))
            if made := sum(each.created for each in started):
                wait_until(someone_is_blocked)
        return made

    assert sorted(together(start, 2)) == [0, 3]
    assert len(committed) == SagaExecution.objects.count() == 3


def test_what_is_deleted_meanwhile_is_started_anew(
    shop: Saga, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = engine.start("shop", {}, saga_id="s-1")
    work_off(committed)
    find = executions.find

    def find_after_deletion(*saga_ids: str) -> Any:
        together(lambda _: engine.prune(timedelta(0), 10), 1)
        return find(*saga_ids)

    monkeypatch.setattr(executions, "find", find_after_deletion)
    started = engine.start_many("shop", new("s-0", "s-1"))
    assert [each.created for each in started] == [True, True]
    assert started[1].execution_id != old.execution_id
    assert connection.in_atomic_block is False
