"""Code whose steps were changed under their version (S12, R26): what began otherwise is left alone
by every way in, loudly, until a person moves it."""

import logging
from typing import Any

import pytest

from sagas import engine, queries
from sagas.engine import fitting
from sagas.errors import Refused, UnknownSaga
from sagas.machine import (
    Direction,
    Failure,
    FailureKind,
    ForEach,
    Parallel,
    Pivot,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    Verdict,
    WaitFor,
)
from sagas.models import SagaEvent, SagaExecution
from sagas.registry import registry
from tests.engine.driving import ORDER, check_history, claim, pass_time, row, work_off

pytestmark = pytest.mark.django_db(transaction=True)

BY: Any = {"by": "anna", "reason": "she knows why"}


@pytest.fixture(autouse=True)
def _nothing_was_told() -> None:
    fitting._told.clear()


def does(context: Any) -> None:
    """An action that changes nothing."""


def step(name: str, undo: bool = True, **policies: Any) -> SagaStep:
    return SagaStep(name, does, does if undo else None, **policies)


def redefine(*steps: Any, saga_type: str = "shop", version: int = 1) -> Saga:
    """As a deploy does that changes a definition."""
    changed = Saga(saga_type, list(steps), version=version)
    for each in [changed, *changed.item_sagas]:
        registry._sagas[each.saga_type, each.version] = each
    return changed


def start(define: Any, *steps: Any, **context: Any) -> int:
    define(Saga("shop", list(steps)))
    return engine.start("shop", ORDER | context, saga_id="s").execution_id


def do(execution_id: int, *names: str, direction: Direction = Direction.ACTION) -> None:
    for name in names:
        engine.succeed(claim(execution_id, name, direction), None)


def pk(saga_id: str) -> int:
    return SagaExecution.objects.get(saga_id=saga_id).pk


def is_untouched(execution_id: int) -> None:
    """By each way in, but for what an operator is told."""
    before = row(execution_id)
    for name in before.current_steps:
        assert claim(execution_id, name) is None
        found = engine.look_ahead([execution_id])
        fence = before.steps[name].get("fence", 0)
        direction = Direction.ACTION
        together = engine.claim_together(
            {execution_id: fence}, name, direction, holder="h", seen=found
        )
        assert together == {}
    for act in (engine.cancel, engine.pause):
        with pytest.raises(UnknownSaga, match="another structure"):
            act(before.saga_id, **BY)
    with pytest.raises(UnknownSaga, match="another structure"):
        engine.signal(before.saga_id, "any", 1)
    with pytest.raises(UnknownSaga, match="another structure"):
        engine.preview(before.saga_id)
    pass_time(execution_id, hours=1)
    assert engine.wake(10) == 0
    assert row(execution_id).last_seq == before.last_seq


CHANGES: dict[str, list[Any]] = {
    "renamed": [step("a2"), step("b"), WaitFor("w")],
    "inserted": [step("a"), step("new"), step("b"), WaitFor("w")],
    "removed": [step("a"), step("b")],
    "reordered": [step("b"), step("a"), WaitFor("w")],
    "another kind": [step("a"), step("b"), Sleep("w", 5)],
    "side by side": [Parallel(step("a"), step("b")), WaitFor("w")],
    "a pivot": [step("a"), Pivot("b", does, does), WaitFor("w")],
    "a compensation lost": [step("a", undo=False), step("b"), WaitFor("w")],
}


@pytest.mark.parametrize("change", CHANGES)
def test_r26_an_execution_of_another_structure_is_left_alone(define: Any, change: str) -> None:
    execution_id = start(define, step("a"), step("b"), WaitFor("w"))
    do(execution_id, "a")
    redefine(*CHANGES[change])
    is_untouched(execution_id)


def test_r26_a_compensation_that_was_added_is_another_structure_too(define: Any) -> None:
    execution_id = start(define, step("a", undo=False), step("b"))
    do(execution_id, "a")
    redefine(step("a"), step("b"))
    is_untouched(execution_id)


def test_s12_changed_policies_go_through(define: Any) -> None:
    execution_id = start(define, step("a"), step("b"), WaitFor("w", timeout=5))
    do(execution_id, "a")
    redefine(
        step("a"), step("b", timeout=99, retry=Retry(7), queue="slow", run_on=False), WaitFor("w")
    )
    do(execution_id, "b")
    engine.signal("s", "w", 1)
    assert row(execution_id).status == "completed"


def test_r15_what_began_before_structures_were_kept_goes_on(define: Any) -> None:
    execution_id = start(define, step("a"), step("b"))
    do(execution_id, "a")
    SagaExecution.objects.update(definition_digest="")
    redefine(step("a", undo=False), step("b"))
    pass_time(execution_id, hours=1)
    assert engine.wake(10) == 1
    do(execution_id, "b")
    assert row(execution_id).status == "completed"


def test_r26_it_is_told_once_a_minute_with_both_digests_and_what_to_do(
    define: Any, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = start(define, step("a"), step("b"))
    other = engine.start("shop", {"order": 2}).execution_id
    began = registry.get("shop", 1)
    here = redefine(step("a"))
    for each in (execution_id, other, execution_id):
        assert claim(each, "a") is None
    [told] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert began.digest in told
    assert here.digest in told
    assert "manage.py saga adopt s --version 1" in told
    monkeypatch.setattr(fitting, "TELL_INTERVAL", 0.0)
    claim(other, "a")
    assert len(caplog.records) == 2


def test_r26_what_is_due_and_left_alone_is_stranded(define: Any) -> None:
    execution_id = start(define, step("a"), step("b"))
    redefine(step("a"))
    pass_time(execution_id, hours=1)
    [found] = engine.stranded()
    assert (found.saga_type, found.version, found.count, found.example) == ("shop", 1, 1, "s")
    assert found.digest == row(execution_id).definition_digest


def test_l3_what_is_left_alone_holds_up_no_others(define: Any, committed: Any) -> None:
    for number in range(5):
        define(Saga("shop", [step("a"), step("b")])) if not number else None
        pass_time(engine.start("shop", {"n": number}).execution_id, hours=2)
    redefine(step("b"))
    well = engine.start("shop", {"n": 9}).execution_id
    pass_time(well, hours=1)
    assert engine.wake(3) == 1
    assert committed[-1].execution_id == well


def test_r26_a_claim_in_flight_is_reported_by_who_has_its_structure(define: Any) -> None:
    """The old worker goes on by its own definition; the new one leaves the report's row alone."""
    old = define(Saga("shop", [step("a"), step("b")]))
    execution_id = engine.start("shop", ORDER, saga_id="s").execution_id
    work = claim(execution_id, "a")
    redefine(step("a2"), step("b"))
    pass_time(execution_id, hours=1)
    assert engine.wake(10) == 0, "its lease has ended, and is not this worker's to end"
    assert engine.lost(execution_id, work.row.state.step("a").holder) is Verdict.REFUSED
    assert engine.succeed(work, None).verdict is Verdict.REFUSED
    registry._sagas["shop", 1] = old
    assert engine.succeed(work, None).verdict is Verdict.ACCEPTED
    check_history(execution_id)


def test_r26_an_atomic_step_writes_nothing_under_another_structure(define: Any) -> None:
    execution_id = start(define, step("a", atomic=True), step("b"))
    work = claim(execution_id, "a")
    redefine(step("a", atomic=True))
    assert engine.run_atomic(work).verdict is Verdict.REFUSED
    assert row(execution_id).steps["a"]["status"] == "running"


def family(define: Any) -> int:
    define(Saga("pack", [step("fold"), step("tape")]))
    return start(define, SubSaga("pack"), ForEach("label", over="items", action=does), items=[1, 2])


def test_r26_a_child_and_a_parent_are_each_left_alone_by_their_own_structure(
    define: Any, committed: Any
) -> None:
    execution_id = family(define)
    redefine(step("tape"), saga_type="pack")
    is_untouched(pk("s~pack"))
    redefine(step("fold"), step("tape"), saga_type="pack")
    redefine(SubSaga("pack"), step("b"))
    seen = row(execution_id).last_seq
    do(pk("s~pack"), "fold", "tape")
    assert row(execution_id).last_seq == seen, "its child's outcome waits"
    redefine(SubSaga("pack"), ForEach("label", over="items", action=does))
    for child in SagaExecution.objects.filter(wake_at__isnull=False):
        pass_time(child.pk, hours=1)
    work_off(committed)
    assert row(execution_id).status == "completed"


def test_r26_items_of_a_for_each_that_lost_its_compensation_are_left_alone(define: Any) -> None:
    each: Any = {"over": "items", "action": does}
    execution_id = start(define, ForEach("label", compensation=does, **each), items=[1, 2])
    redefine(ForEach("label", **each))
    is_untouched(pk("s~label.0"))
    is_untouched(execution_id)


# --- A person moves it ----------------------------------------------------------------------------


def refusal(version: int = 1, **options: Any) -> str:
    shown = engine.preview_adoption("s", version, **options)
    with pytest.raises(Refused) as error:
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
    assert "Step a is at work" in refusal()
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


def test_s5_what_the_parent_said_is_not_lost_by_the_move(define: Any, committed: Any) -> None:
    define(Saga("pack", [step("fold"), step("tape")]))
    execution_id = start(define, SubSaga("pack"), step("b"))
    do(pk("s~pack"), "fold")
    redefine(step("fold"), step("glue"), saga_type="pack")
    engine.cancel("s", **BY)
    child = pk("s~pack")
    assert row(child).orders == ["halt"]
    engine.adopt("s~pack", **BY)
    work_off(committed)
    assert row(child).status == "compensated"
    for each in SagaExecution.objects.filter(wake_at__isnull=False):
        pass_time(each.pk, hours=1)
    work_off(committed)
    assert row(execution_id).status == "compensated"
    check_history(child)


# --- It needs a person ----------------------------------------------------------------------------


def test_r26_what_is_left_alone_needs_attention(define: Any) -> None:
    execution_id = start(define, step("a"), WaitFor("w"))
    well = engine.start("shop", {"order": 2}, saga_id="well")
    do(execution_id, "a")
    assert found_by_attention() == set()
    SagaExecution.objects.filter(pk=well.execution_id).update(definition_digest="")
    redefine(step("a"), step("b"), WaitFor("w"))
    assert found_by_attention() == {"s"}
    shown = queries.describe(queries.execution("s", queries.OPERATOR))
    [needed] = shown["attention"]
    assert "another structure" in needed["reason"]
    assert [each["name"] for each in shown["steps"]] == ["a", "w"], "its own"
    assert queries.counts_of_attention().left_alone == 1
    engine.adopt("s", **BY)
    assert found_by_attention() == set()


def found_by_attention() -> set[str]:
    page = queries.page(queries.Filter(attention=True), queries.OPERATOR)
    return {each.saga_id for each in page.executions}
