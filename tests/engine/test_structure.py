"""Code whose steps were changed under their version (S12, R26): what began otherwise is left alone
by every way in, loudly, until a person moves it."""

import logging
from typing import Any

import pytest

from sagas import engine, queries
from sagas.engine import fitting
from sagas.errors import UnknownSaga
from sagas.machine import (
    Direction,
    ForEach,
    Parallel,
    Pivot,
    Retry,
    Saga,
    Sleep,
    SubSaga,
    Verdict,
    WaitFor,
)
from sagas.models import SagaExecution
from sagas.registry import registry
from sagas.testing.workers import work_off
from tests.engine.changing import BY, do, does, pk, redefine, start, step
from tests.engine.driving import ORDER, check_history, claim, pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_was_told() -> None:
    fitting._told.clear()


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


def test_r26_an_execution_of_another_structure_is_left_alone(define: Any) -> None:
    for number, (change, steps) in enumerate(CHANGES.items()):
        name = f"shop_{number}"
        define(Saga(name, [step("a"), step("b"), WaitFor("w")]))
        execution_id = engine.start(name, ORDER, saga_id=change.replace(" ", "-")).execution_id
        do(execution_id, "a")
        redefine(*steps, saga_type=name)
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
