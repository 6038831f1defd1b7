"""S14: steps whose process died beside others' go alone, on the real PostgreSQL."""

from collections.abc import Callable
from typing import Any

import pytest

from sagas import engine
from sagas.machine import Direction, Progress, SagaStep
from sagas.models import SagaExecution
from tests.engine.driving import check_history, pass_time, row
from tests.seams import said
from tests.surroundings.marks import fast_path
from tests.worker.test_in_step import quick
from tests.worker.test_others import sent_again, started, statuses

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sent_again", "committed"),
]
__all__ = ["quick", "sent_again"]  # fixtures

ACTION = Direction.ACTION


def die(execution_id: int, step: str) -> None:
    """Beside others, in an attempt that had ended but was not reported."""
    fence = row(execution_id).steps[step].get("fence", 0)
    assert engine.claim(execution_id, step, ACTION, fence, holder="dead", together=True)
    engine.lost(execution_id, "dead", lambda *_: Progress.RAN)
    pass_time(execution_id, minutes=10)


def told(execution_ids: list[int], step: str) -> list[list[Any]]:
    rows = [row(each) for each in execution_ids]
    return [[each.pk, each.steps[step].get("fence", 0), each.saga_id] for each in rows]


@fast_path
@pytest.mark.parametrize("mortal", [0, 1, 3])
def test_what_goes_alone_is_claimed_when_no_other_is(
    worker: Any, quick: Callable[..., None], mortal: int
) -> None:
    """Neither as the first of its message nor as another one; and nobody joins it."""
    beside: dict[str, list[str]] = {}

    def look(context: Any) -> None:
        held = SagaExecution.objects.exclude(current_steps=[]).order_by("pk")
        beside[context["saga_id"]] = [each.saga_id for each in held if is_held(each)]

    def is_held(found: SagaExecution) -> bool:
        return "running" in {step["status"] for step in found.steps.values()}

    receive = worker([SagaStep("a", look), SagaStep("b", look)])
    quick("shop.a", "shop.b")
    ids = started(4)
    die(ids[mortal], "a")
    (first, fence, _), *others = told(ids, "a")
    receive(first, "a", fence, saga_hints={"queue": None, "hints": others})
    assert statuses(ids) == ["completed"] * 4
    assert beside.pop(f"s-{mortal}") == [f"s-{mortal}"]
    if mortal:
        assert all(len(found) == 3 for found in beside.values()), "the others go in step"
    for each in ids:
        check_history(each)


def test_its_next_attempt_counts(worker: Any) -> None:
    worker([SagaStep("a", lambda _: None)])
    [execution_id] = started(1)
    die(execution_id, "a")
    found = row(execution_id).steps["a"]
    assert (found["attempts"], found["uncounted_attempts"], found["alone"]) == (1, 1, True)
    assert found["effect"] == "possible"
    assert engine.claim(execution_id, "a", ACTION, 1, holder="x", together=True) is None
    assert engine.claim(execution_id, "a", ACTION, 1, holder="dead")
    engine.lost(execution_id, "dead", lambda *_: Progress.RUNNING)
    found = row(execution_id).steps["a"]
    assert (found["attempts"], found["uncounted_attempts"]) == (2, 1)
    check_history(execution_id)


@fast_path
def test_it_costs_no_statement(worker: Any, quick: Callable[..., None]) -> None:
    receive = worker([SagaStep("a", lambda _: None)])
    quick("shop.a")
    ids = started(3)
    (first, fence, _), *others = told(ids, "a")
    with said() as statements:
        receive(first, "a", fence, saga_hints={"queue": None, "hints": others})
    assert statements == ["read", "save", "save"]
