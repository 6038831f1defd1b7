"""Items that note what they do, and may refuse to, for the tests of `ForEach`."""

from collections.abc import Callable
from typing import Any

from sagas import ForEach, Pivot, Rejected, Retry, Saga, SagaStep, engine
from sagas.machine import InvalidInput, WaitFor
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER, check_history, row

done: list[str] = []


def by_name(name: str, context: Any) -> dict[str, Any]:
    return {"by": name}


def act(
    name: str,
    kind: type[SagaStep] = SagaStep,
    gives: Callable[[str, Any], dict[str, Any]] = by_name,
) -> SagaStep:
    """Refused for items whose `fails` has its name; stuck for those whose `stuck` has."""

    def action(context: Any) -> dict[str, Any]:
        done.append(f"{name} {context['item']['n']}" if "item" in context else name)
        if name in context.get("item", context).get("fails", ()):
            raise Rejected(f"no {name}")
        return gives(name, context)

    def undo(context: Any) -> None:
        if name in context.get("item", {}).get("stuck", ()):
            raise Rejected("can't")
        done.append(f"undo {name} {context['item']['n']}" if "item" in context else f"undo {name}")

    undone = None if kind is Pivot else undo
    return kind(name, action, undone, retry=Retry(1), compensation_retry=Retry(1))


def validated(context: Any) -> None:
    if context["item"].get("bad"):
        raise InvalidInput({"item": "is bad"})


LINE = Saga("line", [act("pack"), act("ship")], validate=validated)
WAITING = Saga("line", [act("pack"), WaitFor("go"), act("ship")])


def lines(**options: Any) -> ForEach:
    return ForEach("lines", over="items", saga="line", output=["by"], **options)


def play(committed: Any, items: list[Any], **context: Any) -> SagaExecution:
    started = engine.start("shop", {**ORDER, "items": items, **context}, saga_id="s")
    work_off(committed)
    return checked(started.execution_id)


def checked(execution_id: int) -> SagaExecution:
    """The row; S8 holds of all there are, and no command is left."""
    for found in SagaExecution.objects.all():
        check_history(found.pk)
        assert found.commands == []
    return row(execution_id)


def items(count: int, **of_some: Any) -> list[dict[str, Any]]:
    """`items(3, fails_1=["ship"])`: three, of which number 1 has `fails`."""
    found: list[dict[str, Any]] = [{"n": number} for number in range(count)]
    for name, value in of_some.items():
        key, number = name.split("_")
        found[int(number)][key] = value
    return found


def statuses() -> list[str]:
    found = SagaExecution.objects.filter(parent_step="lines").order_by("number")
    return list(found.values_list("status", flat=True))
