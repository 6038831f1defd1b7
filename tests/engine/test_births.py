"""L4: children that end, fail or turn back within the transaction of their birth."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sagas import engine
from sagas.inputs import NewSaga
from sagas.machine import (
    ForEach,
    InvalidInput,
    Parallel,
    Pivot,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    SubSaga,
    WaitFor,
    outcome,
)
from sagas.models import SagaExecution, SagaLock
from sagas.registry import registry
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, row, state_in

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = Retry(max_attempts=1)
done: list[str] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    done.clear()


def does(name: str) -> Callable[[Any], None]:
    return lambda context: done.append(name)


def refuses(context: Any) -> None:
    raise Rejected("no")


def step(name: str) -> SagaStep:
    return SagaStep(name, does(name), does(f"un{name}"), retry=ONCE)


def over(key: str) -> ForEach:
    return ForEach("each", over=key, action=does("each"), compensation=does("uneach"))


def no_validation(context: Any) -> None:
    raise InvalidInput({"order": "is missing"})


def broken_validation(context: Any) -> None:
    context["order"]["lines"]


def turned_back() -> Saga:
    return Saga("leaf", [step("never")], validate=no_validation)


COMPLETED = {
    "nothing to do": lambda: Saga("leaf", [over("none")]),
    "nothing to do, side by side": lambda: Saga(
        "leaf", [Parallel(over("none"), ForEach("other", over="none", action=does("other")))]
    ),
}
TURNED_BACK: dict[str, Callable[[], Saga]] = {
    "a missing key": lambda: Saga("leaf", [over("missing")]),
    "no list": lambda: Saga("leaf", [over("no_list")]),
    "after something to do": lambda: Saga("leaf", [SubSaga("done"), over("no_list")]),
    "beside something to do": lambda: Saga("leaf", [Parallel(step("never"), over("no_list"))]),
    "beside a wait": lambda: Saga("leaf", [Parallel(WaitFor("never"), over("no_list"))]),
    "validate refuses": turned_back,
    "validate is broken": lambda: Saga("leaf", [step("never")], validate=broken_validation),
    "locks are broken": lambda: Saga("leaf", [step("never")], locks=lambda c: c["missing"]),
    "a lock is taken": lambda: Saga(
        "leaf", [step("never")], locks=lambda _: ["taken"], on_conflict="fail"
    ),
    "limits are broken": lambda: Saga("leaf", [step("never")], limits=lambda c: c["missing"]),
    "a limit is reached": lambda: Saga(
        "leaf", [step("never")], limits=lambda _: {"taken": 5}, on_conflict="fail"
    ),
}
CONTEXT = {"none": [], "no_list": 7}


def nest(define: Any, leaf: Saga, depth: int, around: Callable[[SubSaga], list[Any]]) -> None:
    """`top`, whose child's child … is `leaf`, each of them in what is `around` it."""
    define(Saga("done", [over("none")]))
    define(leaf)
    define(Saga("holder", [WaitFor("let_go")], locks=lambda _: ["taken"]))
    engine.start("holder", {})
    inner = "leaf"
    for level in range(1, depth):
        define(Saga(f"level{level}", around(SubSaga("part", inner))))
        inner = f"level{level}"
    define(Saga("top", around(SubSaga("part", inner))))


def alone(part: SubSaga) -> list[Any]:
    return [part]


def beside(part: SubSaga) -> list[Any]:
    return [Parallel(part, [SubSaga("other", "done")])]


def members(execution_id: int) -> list[SagaExecution]:
    found = [row(execution_id), *SagaExecution.objects.filter(root_id=execution_id).order_by("id")]
    for member in found:
        check_history(member.pk)
        assert member.commands == []
        assert member.outcome == member.outcome_taken == came_to(member)
    return found


def came_to(member: SagaExecution) -> str:
    """What its parent would hear, by the machine."""
    if member.parent_id is None:
        return ""
    return outcome(registry.get(member.saga_type, member.version), state_in(member)) or ""


def statuses(execution_id: int) -> set[str]:
    return {member.status for member in members(execution_id)}


def held() -> set[int]:
    return set(SagaLock.objects.exclude(execution__saga_type="holder").values_list(flat=True))


def test_l4_what_is_completed_at_birth_is_undone_with_its_parent(
    define: Any, committed: Any
) -> None:
    nest(define, Saga("leaf", [over("none")]), 3, beside)
    define(Saga("later", [step("first"), SubSaga("top"), WaitFor("never")]))
    started = engine.start("later", CONTEXT, saga_id="s")
    work_off(committed)
    assert statuses(started.execution_id) == {"completed", "running"}
    engine.cancel("s", by="anna")
    work_off(committed)
    assert statuses(started.execution_id) == {"compensated"}
    assert done == ["first", "unfirst"]


def test_l4_each_of_many_starts_hears_of_its_children(define: Any, committed: Any) -> None:
    nest(define, Saga("leaf", [over("items")]), 3, beside)
    sagas = [NewSaga({"none": [], "items": items}) for items in ([], None, [], [1])]
    started = engine.start_many("top", sagas)
    assert [each.status for each in started] == ["completed", "compensated", "completed", "running"]
    work_off(committed)
    assert statuses(started[3].execution_id) == {"completed"}


def test_l4_what_a_child_gives_back_at_birth_is_kept(define: Any, committed: Any) -> None:
    define(Saga("leaf", [over("none")]))
    define(Saga("top", [SubSaga("leaf", output={"each": "found"}), step("after")]))
    started = engine.start("top", {"none": []})
    work_off(committed)
    assert statuses(started.execution_id) == {"completed"}
    assert row(started.execution_id).context["found"] == []


def test_l4_what_can_not_be_kept_of_it_turns_the_parent_back(define: Any, committed: Any) -> None:
    text = "x" * 200_000
    define(Saga("leaf", [over("none")]))
    define(Saga("top", [SubSaga("leaf", output={"text": "again"})]))
    started = engine.start("top", {"none": [], "text": text})
    assert statuses(started.execution_id) == {"compensated"}
    assert "bytes" in row(started.execution_id).steps["leaf"]["failure"]["message"]


def test_r9_those_born_beside_one_that_turns_back_are_halted(define: Any, committed: Any) -> None:
    """Also those that nothing but a signal would ever end."""
    define(Saga("waits", [Parallel(WaitFor("never"), step("work"))]))
    define(Saga("leaf", [over("missing")]))
    define(Saga("top", [Parallel(SubSaga("one", "waits"), SubSaga("leaf"), SubSaga("waits"))]))
    started = engine.start("top", {})
    work_off(committed)
    assert statuses(started.execution_id) == {"compensated"}
    assert done == []


def test_s5_a_child_that_turned_back_at_birth_waits_for_what_runs_beside_it(
    define: Any, committed: Any
) -> None:
    define(Saga("leaf", [SubSaga("done"), over("missing")]))
    define(Saga("done", [over("none")]))
    define(Saga("top", [Parallel(step("beside"), [step("first"), SubSaga("leaf")])]))
    started = engine.start("top", {"none": []})
    beside, first = (
        engine.claim(started.execution_id, hint.step, hint.direction, hint.fence)
        for hint in committed.pop().hints
    )
    assert beside is not None
    assert first is not None
    engine.succeed(first, first.run())
    work_off(committed)
    assert [each.status for each in members(started.execution_id)] == [
        "compensating",
        "compensating",
        "completed",
    ]
    engine.succeed(beside, beside.run())
    work_off(committed)
    assert statuses(started.execution_id) == {"compensated"}


def test_s7_what_is_refused_after_the_pivot_does_not_turn_back(define: Any, committed: Any) -> None:
    define(turned_back())
    define(Saga("top", [Pivot("ship", does("ship")), SubSaga("leaf")]))
    started = engine.start("top", {})
    work_off(committed)
    assert statuses(started.execution_id) == {"failed"}
    assert done == ["ship"]


@pytest.mark.parametrize("leaf", [[over("none")], [step("first"), over("none")]])
def test_locks_are_not_kept_by_what_has_ended_at_its_birth(
    leaf: list[Any], define: Any, committed: Any
) -> None:
    define(Saga("leaf", leaf, locks=lambda _: ["a lock"]))
    define(Saga("top", [SubSaga("leaf")]))
    for saga_type in ("leaf", "top", "leaf"):
        started = engine.start(saga_type, {"none": []})
        work_off(committed)
        assert statuses(started.execution_id) == {"completed"}
        assert not SagaLock.objects.exists()


def test_locks_are_not_kept_by_what_is_started_past_its_deadline(
    define: Any, committed: Any
) -> None:
    define(Saga("leaf", [step("never")], locks=lambda _: ["a lock"]))
    started = engine.start("leaf", {}, deadline=datetime(2020, 1, 1, tzinfo=UTC))
    assert statuses(started.execution_id) == {"compensated"}
    assert not SagaLock.objects.exists()


def test_a_child_whose_validation_is_broken_says_so(define: Any, committed: Any) -> None:
    define(Saga("leaf", [step("never")], validate=broken_validation))
    define(Saga("top", [SubSaga("leaf")]))
    started = engine.start("top", {})
    message = row(started.execution_id).steps["leaf"]["failure"]["message"]
    assert message == "context.order: is missing: `validate` asks for it."


def test_sagas_that_are_nested_too_deep_turn_back(define: Any, committed: Any) -> None:
    """Their ids get longer with each level."""
    define(Saga("leaf", [step("never")]))
    inner = "leaf"
    for level in range(3):
        define(Saga(f"level{level}", [SubSaga("x" * 63, inner)]))
        inner = f"level{level}"
    started = engine.start(inner, {}, saga_id="y" * 100)
    assert statuses(started.execution_id) == {"compensated"}
    assert len(members(started.execution_id)) == 3


@pytest.mark.parametrize(("depth", "around"), [(1, alone), (2, beside), (4, alone)])
@pytest.mark.parametrize("leaf", COMPLETED.values(), ids=COMPLETED)
def test_l4_a_child_that_is_born_completed_completes_its_parent(
    leaf: Callable[[], Saga], depth: int, around: Any, define: Any, committed: Any
) -> None:
    nest(define, leaf(), depth, around)
    started = engine.start("top", CONTEXT)
    assert started.status == "completed"
    assert statuses(started.execution_id) == {"completed"}


@pytest.mark.parametrize(("depth", "around"), [(1, alone), (2, beside), (4, alone)])
@pytest.mark.parametrize("leaf", TURNED_BACK.values(), ids=TURNED_BACK)
def test_l4_a_child_that_turns_back_at_birth_turns_its_parent_back(
    leaf: Callable[[], Saga], depth: int, around: Any, define: Any, committed: Any
) -> None:
    """All of it in the transaction of the start, and no step of it ever runs."""
    nest(define, leaf(), depth, around)
    started = engine.start("top", CONTEXT)
    assert statuses(started.execution_id) == {"compensated"}
    work_off(committed)
    assert done == []
    assert held() == set()


@pytest.mark.parametrize("leaf", TURNED_BACK.values(), ids=TURNED_BACK)
def test_l4_also_when_the_step_becomes_due_later(
    leaf: Callable[[], Saga], define: Any, committed: Any
) -> None:
    nest(define, leaf(), 3, alone)
    define(Saga("later", [step("first"), SubSaga("top"), step("never")]))
    started = engine.start("later", CONTEXT)
    work_off(committed)
    assert statuses(started.execution_id) == {"compensated"}
    assert done == ["first", "unfirst"]
