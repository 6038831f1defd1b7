"""An execution is moved to another definition by a person (S12, R26): what becomes of its steps,
and what is refused."""

from typing import Any

import pytest

from sagas import engine
from sagas.errors import OperationRefused, UnknownSaga
from sagas.machine import (
    Direction,
    Failure,
    FailureKind,
    ForEach,
    Retry,
    Saga,
    SubSaga,
    WaitFor,
)
from sagas.models import SagaEvent, SagaExecution
from sagas.registry import registry
from sagas.testing.workers import work_off
from tests.engine.changing import BY, do, does, pk, redefine, start, step
from tests.engine.driving import check_history, claim, pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)


def refusal(version: int = 1, **options: Any) -> str:
    shown = engine.preview_adoption("s", version, **options)
    with pytest.raises(OperationRefused) as error:
        engine.adopt("s", version, **options, **BY)
    assert " ".join(shown.refused) in str(error.value)
    return str(error.value)


def test_r26_it_goes_on_by_the_changed_definition_once_a_person_says_so(
    define: Any, committed: Any
) -> None:
    execution_id = start(define, step("a"), step("b"))
    do(execution_id, "a")
    here = redefine(step("a"), step("b"), step("c"))
    shown = engine.preview_adoption("s", 1)
    assert (shown.refused, shown.is_there) == ((), False)
    assert [(each.name, each.fate) for each in shown.steps] == [
        ("a", "stays"),
        ("b", "goes on"),
        ("c", "to come"),
    ]
    assert shown.stages == (("a",),)
    assert row(execution_id).definition_digest != here.digest, "nothing has changed"
    engine.adopt("s", 1, **BY)
    found = row(execution_id)
    assert (found.version, found.definition_digest) == (1, here.digest)
    event = SagaEvent.objects.get(type="saga.adopted")
    assert event.data == {**BY, "version": 1, "digest": here.digest, "leave": []}
    check_history(execution_id)
    do(execution_id, "b", "c")
    assert row(execution_id).status == "completed"
    check_history(execution_id)


def test_r26_it_is_moved_to_another_version(define: Any, committed: Any) -> None:
    execution_id = start(define, step("a"), step("b"))
    do(execution_id, "a")
    define(Saga("shop", [step("a"), step("c")], version=2))
    engine.adopt("s", 2, **BY)
    found = row(execution_id)
    assert (found.version, found.current_steps) == (2, ["c"])
    assert found.steps["b"]["status"] == "pending", "it was not begun"
    do(execution_id, "c")
    assert row(execution_id).status == "completed"
    check_history(execution_id)


def test_r26_a_step_before_one_that_was_not_begun_comes_first(define: Any) -> None:
    execution_id = start(define, step("a"), WaitFor("w"))
    do(execution_id, "a")
    redefine(step("a"), step("new"), WaitFor("w"))
    assert [each.fate for each in engine.preview_adoption("s").steps] == [
        "stays",
        "to come",
        "withdrawn",
    ]
    engine.adopt("s", **BY)
    assert row(execution_id).current_steps == ["new"]
    do(execution_id, "new")
    engine.signal("s", "w", 1)
    assert row(execution_id).status == "completed"
    check_history(execution_id)


def test_s4_a_done_step_that_would_never_be_undone_is_a_reason_to_refuse(define: Any) -> None:
    execution_id = start(define, step("a"), step("b"))
    do(execution_id, "a")
    redefine(step("a2"), step("b"))
    assert "Step a is succeeded, and not in the definition" in refusal()
    redefine(step("a", undo=False), step("b"))
    assert "Step a is succeeded, and its compensation is gone" in refusal()
    redefine(step("a", undo=False), step("b"), step("c"))
    assert "--leave a" in refusal(), "nothing tells whether it had one"
    engine.adopt("s", leave=["a"], **BY)
    engine.cancel("s", **BY)
    assert row(execution_id).status == "compensated"
    assert SagaEvent.objects.get(type="saga.adopted").data["leave"] == ["a"]
    check_history(execution_id)


def test_s4_a_definition_that_is_known_tells_what_had_a_compensation(define: Any) -> None:
    execution_id = start(define, step("a", undo=False), step("b"), step("c"))
    do(execution_id, "a", "b")
    define(Saga("shop", [step("a", undo=False), step("b"), step("d")], version=2))
    define(Saga("shop", [step("a", undo=False), step("b", undo=False), step("d")], version=3))
    assert engine.preview_adoption("s", 2).refused == ()
    [why] = engine.preview_adoption("s", 3).refused
    assert "--leave b" in why


def test_s5_a_step_at_work_is_waited_for(define: Any) -> None:
    execution_id = start(define, step("a"), step("b"))
    claim(execution_id, "a")
    redefine(step("a"), step("c"))
    assert "Step a is running" in refusal()
    pass_time(execution_id, hours=1)
    engine.adopt("s", **BY)
    assert row(execution_id).steps["a"]["effect"] == "possible", "its lease is ended at once"


@pytest.mark.parametrize("status", ["completed", "compensated"])
def test_s3_what_has_ended_is_not_moved(define: Any, status: str) -> None:
    execution_id = start(define, step("a"))
    if status == "completed":
        do(execution_id, "a")
    else:
        engine.cancel("s", **BY)
    redefine(step("a"), step("b"))
    assert f"The saga is {status}" in refusal()


def test_r26_a_failed_one_stays_failed_and_can_be_retried(define: Any) -> None:
    execution_id = start(define, step("a", compensation_retry=Retry(1)), step("b"))
    do(execution_id, "a")
    engine.cancel("s", **BY)
    work = claim(execution_id, "a", Direction.COMPENSATION)
    engine.fail(work, Failure(FailureKind.REJECTED, "SomeError", "no"))
    redefine(step("a"), step("b"), step("c"))
    with pytest.raises(UnknownSaga):
        engine.retry("s", **BY)
    engine.adopt("s", **BY)
    assert (row(execution_id).status, row(execution_id).wake_at) == ("failed", None)
    engine.retry("s", **BY)
    do(execution_id, "a", direction=Direction.COMPENSATION)
    assert row(execution_id).status == "compensated"


def test_r26_to_adopt_twice_changes_nothing_and_an_unknown_version_is_refused(define: Any) -> None:
    execution_id = start(define, step("a"), step("b"))
    redefine(step("a"))
    engine.adopt("s", **BY)
    seen = row(execution_id).last_seq
    engine.adopt("s", **BY)
    assert row(execution_id).last_seq == seen
    with pytest.raises(UnknownSaga, match="version 7"):
        engine.adopt("s", 7, **BY)


def test_r26_a_parent_takes_its_items_along(define: Any, committed: Any) -> None:
    each: Any = {"over": "items", "action": does, "max_concurrency": 1}
    execution_id = start(define, ForEach("label", **each), step("b"), items=[1, 2])
    define(Saga("shop", [ForEach("label", compensation=does, **each), step("c")], version=2))
    for version in [key for key in registry._sagas if key[1] == 1]:
        del registry._sagas[version]
    engine.adopt("s", 2, **BY)
    assert row(pk("s~label.0")).version == 2
    committed.clear()
    for child in SagaExecution.objects.filter(wake_at__isnull=False):
        pass_time(child.pk, hours=1)
    work_off(committed)
    assert row(execution_id).status == "completed"
    assert row(pk("s~label.1")).version == 2


def test_s4_items_that_need_not_be_undone_are_left_with_their_step(define: Any) -> None:
    each: Any = {"over": "items", "action": does, "max_concurrency": 1}
    start(define, ForEach("label", compensation=does, **each), step("b"), items=[1, 2])
    do(pk("s~label.0"), "each")
    redefine(ForEach("label", **each), step("b"))
    assert "--leave label" in refusal()
    assert "no step 'x' to leave" in refusal(leave=["x"])
    engine.adopt("s", leave=["label"], **BY)
    item = row(pk("s~label.0"))
    assert item.definition_digest == registry.get("shop.label", 1).digest


def test_s5_what_the_parent_said_is_not_lost_by_the_move(define: Any, committed: Any) -> None:
    define(Saga("pack", [step("fold"), step("tape")]))
    execution_id = start(define, SubSaga("pack"), step("b"))
    do(pk("s~pack"), "fold")
    redefine(step("fold"), step("glue"), saga_type="pack")
    engine.cancel("s", **BY)
    child = pk("s~pack")
    assert row(child).commands == ["halt"]
    engine.adopt("s~pack", **BY)
    assert row(child).status == "compensating"
    work_off(committed)
    assert row(child).status == "compensated"
    for each in SagaExecution.objects.filter(wake_at__isnull=False):
        pass_time(each.pk, hours=1)
    work_off(committed)
    assert row(execution_id).status == "compensated"
    check_history(child)
