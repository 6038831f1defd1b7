"""Child executions: sub-sagas and fan-outs, forward, backward, and stuck."""

from typing import Any

import pytest

from sagas import engine
from sagas.errors import OperationRefused
from sagas.machine import (
    Direction,
    ForEach,
    InvalidInput,
    Parallel,
    Pivot,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    SubSaga,
)
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, row

pytestmark = pytest.mark.django_db(transaction=True)

done: list[str] = []
broken: set[str] = set()
ONCE = Retry(max_attempts=1)


@pytest.fixture(autouse=True)
def _clean() -> None:
    done.clear()
    broken.clear()


def does(name: str) -> Any:
    def action(context: Any) -> dict[str, Any]:
        what = f"{name} {context['item']}" if "item" in context else name
        if what in broken:
            raise Rejected(f"{what} is refused")
        done.append(what)
        return {f"{name}_done": context.get("item", True)}

    return action


def step(name: str, **options: Any) -> SagaStep:
    policies = {"retry": ONCE, "compensation_retry": ONCE}
    return SagaStep(name, does(name), does(f"un{name}"), **(policies | options))


def each(**options: Any) -> ForEach:
    policies = {"retry": ONCE, "compensation_retry": ONCE}
    return ForEach(
        "reserve",
        over="items",
        action=does("reserve"),
        compensation=does("unreserve"),
        **(policies | options),
    )


def child_of(execution_id: int, number: int = 0) -> SagaExecution:
    return SagaExecution.objects.get(parent_id=execution_id, number=number)


def family(execution_id: int) -> list[str]:
    """The statuses of the execution and its children, checked for what holds of any."""
    members = [
        row(execution_id),
        *SagaExecution.objects.filter(root_id=execution_id).order_by("id"),
    ]
    for member in members:
        check_history(member.pk)
        assert member.commands == []
    return [member.status for member in members]


def test_the_items_of_a_fan_out_each_do_their_work_and_give_back_a_list(
    define: Any, committed: Any
) -> None:
    define(Saga("shop", [each(given=["order"]), step("after")]))
    started = engine.start("shop", {"items": ["a", "b", "c"], "order": 7}, saga_id="s")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 4
    assert sorted(done) == ["after", "reserve a", "reserve b", "reserve c"]
    given_back = [{"reserve_done": "a"}, {"reserve_done": "b"}, {"reserve_done": "c"}]
    assert row(started.execution_id).context["reserve"] == given_back
    child = child_of(started.execution_id, 1)
    assert (child.saga_id, child.saga_type) == ("s~reserve.1", "shop.reserve")
    assert child.context == {"order": 7, "item": "b", "index": 1, "reserve_done": "b"}
    assert child.wake_at is None


def test_a_fan_out_over_nothing_is_done_at_once(define: Any, committed: Any) -> None:
    define(Saga("shop", [each()]))
    started = engine.start("shop", {"items": []})
    assert row(started.execution_id).status == "completed"
    assert row(started.execution_id).context == {"items": [], "reserve": []}


@pytest.mark.parametrize("items", [None, "abc", {"a": 1}])
def test_a_fan_out_over_what_is_no_list_turns_back(items: Any, define: Any, committed: Any) -> None:
    define(Saga("shop", [step("before"), each()]))
    started = engine.start("shop", {"items": items})
    work_off(committed)
    assert family(started.execution_id) == ["compensated"]
    assert done == ["before", "unbefore"]


def test_at_most_so_many_items_are_at_work_at_a_time(define: Any, committed: Any) -> None:
    define(Saga("shop", [each(max_concurrency=2)]))
    started = engine.start("shop", {"items": list(range(5))})
    children = SagaExecution.objects.filter(parent_id=started.execution_id)
    assert children.count() == 2
    work_off(committed)
    assert children.count() == 5
    assert family(started.execution_id) == ["completed"] * 6


def test_s5_s6_items_are_undone_after_all_have_settled_and_before_what_came_first(
    define: Any, committed: Any
) -> None:
    define(Saga("shop", [step("before"), each()]))
    broken.add("reserve c")
    started = engine.start("shop", {"items": ["a", "b", "c", "never begun"]})
    work_off(committed)
    assert family(started.execution_id) == ["compensated"] * 5
    assert done[0] == "before"
    assert sorted(done[1:3]) == ["reserve a", "reserve b"]
    assert sorted(done[3:5]) == ["unreserve a", "unreserve b"]
    assert done[5:] == ["unbefore"]


def test_s5_a_child_that_gave_up_undoes_nothing_while_its_parents_branch_runs(
    define: Any, committed: Any
) -> None:
    define(Saga("ship", [step("pack"), step("send")]))
    define(Saga("shop", [Parallel(SubSaga("ship"), step("other"))]))
    broken.add("send")
    started = engine.start("shop", {})
    other = next(hint for told in committed for hint in told.hints if hint.step == "other")
    committed[:] = [told for told in committed if told.saga_id != started.saga_id]
    work = engine.claim(started.execution_id, "other", other.direction, other.fence)
    work_off(committed)
    assert work is not None
    assert done == ["pack"]  # not undone: an action of the family is in flight
    engine.succeed(work, work.run())
    work_off(committed)
    assert family(started.execution_id) == ["compensated", "compensated"]
    assert sorted(done[2:]) == ["unother", "unpack"]


def test_a_sub_saga_starts_with_its_parent_and_gives_back_what_is_named(
    define: Any, committed: Any
) -> None:
    define(Saga("ship", [step("pack")]))
    steps = [SubSaga("send", "ship", input={"order": "parcel"}, output=["pack_done"])]
    define(Saga("shop", [*steps, step("after")]))
    started = engine.start("shop", {"order": 7, "secret": 1}, saga_id="s")
    child = child_of(started.execution_id)
    assert (child.saga_id, child.saga_type, child.context) == ("s~send", "ship", {"parcel": 7})
    work_off(committed)
    assert family(started.execution_id) == ["completed", "completed"]
    assert row(started.execution_id).context["pack_done"] is True


def test_s3_a_completed_child_is_undone_when_its_parent_turns_back(
    define: Any, committed: Any
) -> None:
    define(Saga("ship", [step("pack"), step("send")]))
    define(Saga("shop", [step("before"), SubSaga("ship"), step("after")]))
    broken.add("after")
    started = engine.start("shop", {})
    work_off(committed)
    assert family(started.execution_id) == ["compensated", "compensated"]
    assert done == ["before", "pack", "send", "unsend", "unpack", "unbefore"]


def test_r8_a_cancel_reaches_the_grandchildren_and_waits_for_what_runs(
    define: Any, committed: Any
) -> None:
    define(Saga("box", [step("fold"), step("glue")]))
    define(Saga("ship", [step("pack"), SubSaga("box")]))
    define(Saga("shop", [step("before"), SubSaga("ship")]))
    started = engine.start("shop", {}, saga_id="s")
    while not SagaExecution.objects.filter(saga_id="s~ship~box").exists():
        told = committed.pop(0)
        for hint in told.hints:
            work = engine.claim(told.execution_id, hint.step, hint.direction, hint.fence)
            assert work is not None
            engine.succeed(work, work.run())
    box = SagaExecution.objects.get(saga_id="s~ship~box")
    work = engine.claim(box.pk, "fold", Direction.ACTION, 0)
    assert work is not None
    engine.cancel("s", by="anna", reason="changed her mind")
    work_off(committed)
    assert row(box.pk).status == "compensating"  # turned back, and waits for `fold`
    assert done == ["before", "pack"]
    engine.succeed(work, work.run())
    work_off(committed)
    assert family(started.execution_id) == ["compensated"] * 3
    assert done == ["before", "pack", "fold", "unfold", "unpack", "unbefore"]


def test_a_part_of_a_saga_is_not_cancelled_alone(define: Any, committed: Any) -> None:
    define(Saga("ship", [step("pack")]))
    define(Saga("shop", [SubSaga("ship")]))
    engine.start("shop", {}, saga_id="s")
    with pytest.raises(OperationRefused, match="Cancel that one"):
        engine.cancel("s~ship", by="anna")


@pytest.mark.parametrize("by_hand_on", ["child", "parent"])
def test_s6_a_child_that_is_stuck_leaves_its_parent_to_a_person(
    by_hand_on: str, define: Any, committed: Any
) -> None:
    define(Saga("shop", [step("before"), each(), step("after")]))
    broken.update(["after", "unreserve b"])
    started = engine.start("shop", {"items": ["a", "b"]}, saga_id="s")
    work_off(committed)
    assert family(started.execution_id) == ["failed", "compensated", "failed"]
    assert row(started.execution_id).steps["reserve"]["status"] == "compensation_failed"
    assert done[-1] == "unbefore"
    broken.clear()
    if by_hand_on == "child":
        engine.retry("s~reserve.1", by="anna", reason="mended")
    else:
        engine.retry("s", "reserve", by="anna", reason="mended")
    work_off(committed)
    assert family(started.execution_id) == ["compensated"] * 3
    assert done[-1] == "unreserve b"


def test_a_stuck_child_can_be_resolved_through_its_parent(define: Any, committed: Any) -> None:
    define(Saga("shop", [each(), step("after")]))
    broken.update(["after", "unreserve b"])
    started = engine.start("shop", {"items": ["a", "b"]}, saga_id="s")
    work_off(committed)
    engine.resolve("s", "reserve", by="anna", reason="put back by hand")
    work_off(committed)
    assert family(started.execution_id) == ["compensated"] * 3


def test_a_child_that_is_stuck_again_tells_its_parent_again(define: Any, committed: Any) -> None:
    define(Saga("shop", [each(), step("after")]))
    broken.update(["after", "unreserve b"])
    started = engine.start("shop", {"items": ["a", "b"]}, saga_id="s")
    work_off(committed)
    engine.retry("s", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["failed", "compensated", "failed"]


def test_s7_what_a_child_did_past_its_own_pivot_is_left_to_a_person(
    define: Any, committed: Any
) -> None:
    define(Saga("ship", [Pivot("send", does("send"))]))
    define(Saga("shop", [step("before"), SubSaga("ship"), step("after")]))
    broken.add("after")
    started = engine.start("shop", {}, saga_id="s")
    work_off(committed)
    assert family(started.execution_id) == ["failed", "completed"]
    failure = row(started.execution_id).steps["ship"]["failure"]
    assert "past their own pivot" in failure["message"]
    engine.resolve("s", "ship", by="anna", reason="called the driver")
    assert family(started.execution_id) == ["compensated", "completed"]


def test_s7_items_after_the_pivot_only_go_forward(define: Any, committed: Any) -> None:
    notify = ForEach("notify", over="items", action=does("notify"), retry=Retry(max_attempts=2))
    define(Saga("shop", [Pivot("ship", does("ship")), notify]))
    broken.add("notify b")
    started = engine.start("shop", {"items": ["a", "b"]}, saga_id="s")
    work_off(committed)
    assert family(started.execution_id) == ["running", "completed", "failed"]
    broken.clear()
    engine.retry("s~notify.1", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 3


def test_pausing_reaches_the_children(define: Any, committed: Any) -> None:
    define(Saga("shop", [each()]))
    started = engine.start("shop", {"items": ["a", "b"]}, saga_id="s")
    engine.pause("s", by="anna")
    while engine.wake(100):
        pass
    work_off(committed)
    assert done == []
    engine.resume("s", by="anna")
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 3


def test_a_child_that_cannot_start_fails_its_step_and_leaves_nothing(
    define: Any, committed: Any
) -> None:
    def picky(context: Any) -> None:
        raise InvalidInput({"order": "is missing"})

    define(Saga("ship", [step("pack")], validate=picky))
    define(Saga("shop", [step("before"), SubSaga("ship")]))
    started = engine.start("shop", {})
    work_off(committed)
    assert family(started.execution_id) == ["compensated"]
    assert "is missing" in row(started.execution_id).steps["ship"]["failure"]["message"]


def test_r3_items_of_an_atomic_step_are_heard_of_at_once(define: Any, committed: Any) -> None:
    define(Saga("shop", [each(atomic=True)]))
    started = engine.start("shop", {"items": ["a", "b"]})
    work_off(committed)
    assert family(started.execution_id) == ["completed"] * 3


def test_r3_a_parent_hears_of_its_child_even_if_its_worker_dies_right_then(
    define: Any, committed: Any, monkeypatch: Any
) -> None:
    from sagas.engine import transact

    define(Saga("ship", [step("pack")]))
    define(Saga("shop", [SubSaga("ship")]))
    started = engine.start("shop", {})
    with monkeypatch.context() as dying:
        dying.setattr(transact, "notify_parent", lambda found: None)
        work_off(committed)
    child = child_of(started.execution_id)
    assert (child.status, row(started.execution_id).status) == ("completed", "running")
    assert child.wake_at is not None
    assert (child.wake_at - child.updated_at).total_seconds() == pytest.approx(5, abs=0.1)
    SagaExecution.objects.filter(pk=child.pk).update(wake_at=child.updated_at)
    work_off(committed)
    assert family(started.execution_id) == ["completed", "completed"]


def test_s4_items_begun_are_undone_when_later_ones_cannot_begin(
    define: Any, committed: Any
) -> None:
    """The second item's context, with the list that it is given beside it, is too large."""
    define(Saga("shop", [each(given=["items"], max_concurrency=1)]))
    started = engine.start("shop", {"items": ["x", "y" * 135_000]})
    work_off(committed)
    assert family(started.execution_id) == ["compensated", "compensated"]
    assert done == ["reserve x", "unreserve x"]
    assert "bytes" in row(started.execution_id).steps["reserve"]["failure"]["message"]
