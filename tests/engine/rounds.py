"""Repeated steps that note what they do, for the tests of rounds."""

from typing import Any

from sagas import (
    Rejected,
    Repeat,
    Retry,
    SagaStep,
    engine,
)
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER, check_history

done: list[str] = []


def act(name: str, **options: Any) -> SagaStep:
    """Notes what it does, and in which round; raises what the context has under `name`."""

    def action(context: Any) -> None:
        done.append(f"{name} {context.get('round', '')}".strip())
        if context.get(name) == context.get("round", 1):
            raise Rejected("no")

    def undo(context: Any) -> None:
        done.append(f"undo {name} {context.get('round', '')}".strip())

    return SagaStep(name, action, undo, retry=Retry(1), **options)


def ask(context: Any) -> dict[str, Any]:
    """Another card, of which the third is accepted."""
    done.append(f"ask {context['round']}")
    return {"tries": context.get("tries", 0) + 1, "paid": context["round"] == context["good"]}


CARD = SagaStep("ask", ask, lambda context: done.append(f"undo ask {context['round']}"))


def collect(*steps: Any, **options: Any) -> Repeat:
    given: dict[str, Any] = {"until": "paid", "most": 4} | options
    return Repeat("collect", list(steps) or [CARD], **given)


def play(committed: Any, saga_id: str = "s", **context: Any) -> SagaExecution:
    """A saga `shop`, from its start until nothing more happens; S8 holds of all there are."""
    engine.start("shop", {**ORDER, "good": 3, **context}, saga_id=saga_id)
    return settled(committed, saga_id)


def settled(committed: Any, saga_id: str = "s") -> SagaExecution:
    work_off(committed)
    for execution_id in SagaExecution.objects.values_list("id", flat=True):
        check_history(execution_id)
    return found(saga_id)


def found(saga_id: str) -> SagaExecution:
    return SagaExecution.objects.get(saga_id=saga_id)


def statuses() -> dict[str, str]:
    return dict(SagaExecution.objects.order_by("id").values_list("saga_id", "status"))
