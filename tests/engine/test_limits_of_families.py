"""A family has one place for each name: children share what their parents and siblings hold."""

from typing import Any

import pytest

from sagas import engine
from sagas.machine import Parallel, Saga, SagaStep, SubSaga, WaitFor
from sagas.models import SagaExecution, SagaLock
from sagas.testing.workers import work_off
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)


def nothing(context: Any) -> None:
    pass


def names(most: int) -> Any:
    return lambda context: {"acme": most}


@pytest.fixture
def alone(define: Any) -> Saga:
    return define(Saga("alone", [WaitFor("let_go")], limits=lambda c: {"acme": c["most"]}))


def by_name(saga_id: str) -> SagaExecution:
    return SagaExecution.objects.get(saga_id=saga_id)


def is_blocked(saga_id: str) -> bool:
    return bool(by_name(saga_id).options.get("blocked"))


def start(saga_id: str, most: int) -> None:
    engine.start("alone", {"most": most}, saga_id=saga_id)


def let_go(saga_id: str, committed: Any) -> None:
    engine.signal(saga_id, "let_go", True)
    work_off(committed)
    assert by_name(saga_id).status == "completed"


@pytest.mark.parametrize("begins", ["at birth", "later"])
def test_a_family_counts_once(begins: str, alone: Saga, define: Any, committed: Any) -> None:
    define(Saga("part", [WaitFor("let_go")], limits=names(2)))
    both = Parallel(SubSaga("one", "part"), SubSaga("other", "part"))
    steps: list[Any] = [both] if begins == "at birth" else [SagaStep("a", nothing, nothing), both]
    define(Saga("whole", steps, limits=names(2)))
    engine.start("whole", {}, saga_id="w")
    start("s-1", 2)
    start("s-2", 2)
    work_off(committed)
    assert not any(map(is_blocked, ["w", "w~one", "w~other", "s-1"]))
    assert is_blocked("s-2")
    assert SagaLock.objects.values("place").distinct().count() == 3
    let_go("w~one", committed)
    assert is_blocked("s-2")
    let_go("w~other", committed)
    assert by_name("w").status == "completed"
    assert not is_blocked("s-2")


@pytest.mark.parametrize("most", [1, 2])
def test_a_family_keeps_its_place_while_any_of_it_is_there(
    most: int, alone: Saga, define: Any, committed: Any
) -> None:
    """The first of it to come is not the last to leave."""
    locks: Any = {"locks": lambda _: ["acme"]} if most == 1 else {"limits": names(most)}
    define(Saga("part", [WaitFor("let_go")], **locks))
    branch: list[Any] = [WaitFor("go"), SubSaga("second", "part")]
    define(Saga("whole", [Parallel(SubSaga("first", "part"), branch)]))
    engine.start("whole", {}, saga_id="w")
    for number in range(most):
        start(f"s-{number}", most)
    engine.signal("w", "go", True)
    assert not is_blocked("w~second")
    let_go("w~first", committed)
    last = f"s-{most - 1}"
    assert is_blocked(last), "the second child holds what the first held"
    start("later", most)
    let_go("w~second", committed)
    assert not is_blocked(last)
    assert is_blocked("later")


@pytest.mark.parametrize("place", ["parent and child", "child, born later", "siblings"])
def test_a_child_that_names_fewer_than_its_family_is_refused(
    place: str, define: Any, committed: Any
) -> None:
    """Others may hold it beside the family by now."""
    define(Saga("fewer", [WaitFor("let_go")], limits=names(1)))
    define(Saga("more", [WaitFor("let_go")], limits=names(5)))
    steps: list[Any] = [SubSaga("fewer")]
    if place == "child, born later":
        steps = [SagaStep("a", nothing, nothing), *steps]
    if place == "siblings":
        steps = [Parallel(SubSaga("more"), *steps)]
    limits = None if place == "siblings" else names(5)
    define(Saga("whole", steps, limits=limits))
    started = engine.start("whole", {})
    work_off(committed)
    found = row(started.execution_id)
    assert found.status == "compensated"
    said = found.steps["fewer"]["failure"]["message"]
    assert "of fewer give 'acme' the number 1, and a saga of the same family gave it 5" in said
    assert not SagaLock.objects.exists()


def test_a_child_that_names_more_keeps_to_the_number_of_its_family(
    alone: Saga, define: Any, committed: Any
) -> None:
    define(Saga("more", [WaitFor("let_go")], limits=names(5)))
    define(Saga("whole", [SubSaga("more")], locks=lambda _: ["acme"]))
    engine.start("whole", {}, saga_id="w")
    start("s-1", 5)
    assert not is_blocked("w~more")
    assert is_blocked("s-1")


def test_a_child_that_waits_waits_behind_who_came_before(
    alone: Saga, define: Any, committed: Any
) -> None:
    define(Saga("part", [SagaStep("a", nothing, nothing)], limits=names(2)))
    define(Saga("whole", [SubSaga("part")]))
    start("s-1", 2)
    start("s-2", 2)
    engine.start("whole", {}, saga_id="w")
    start("s-3", 2)
    assert is_blocked("w~part")
    let_go("s-2", committed)
    assert by_name("w").status == "completed"
    assert not is_blocked("s-3")


def test_a_waiting_child_of_a_cancelled_parent_leaves_its_place(
    alone: Saga, define: Any, committed: Any
) -> None:
    define(Saga("part", [WaitFor("let_go")], limits=names(1)))
    define(Saga("whole", [SubSaga("part")]))
    start("s-1", 1)
    engine.start("whole", {}, saga_id="w")
    start("s-2", 1)
    engine.cancel("w", by="anna")
    work_off(committed)
    assert by_name("w").status == "compensated"
    let_go("s-1", committed)
    assert not is_blocked("s-2")
