"""The children of an execution, a step at a time: those in trouble first."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Case, Count, IntegerField, Value, When
from django.urls import reverse
from django.utils.http import urlencode

from sagas import queries
from sagas.console.graph.standing import Cell
from sagas.console.words import PAUSED, STATUS, UNKNOWN
from sagas.machine import ExecutionStatus
from sagas.models import SagaExecution, SagaLock

MOST_CELLS: Final = 48
"""Of one step: four rows. How many more there are is told."""

MOST_FAMILIES: Final = 12
"""Steps whose children are looked at. A saga with more of them has its list."""

MOST_LOCKS: Final = 20

ORDER: Final = (
    ExecutionStatus.FAILED,
    ExecutionStatus.COMPENSATING,
    ExecutionStatus.RUNNING,
    ExecutionStatus.PENDING,
    ExecutionStatus.COMPENSATED,
    ExecutionStatus.COMPLETED,
)
"""What a person looks for first."""


@dataclass(frozen=True, slots=True)
class Children:
    cells: tuple[Cell, ...] = ()
    total: int = 0
    counts: tuple[tuple[Any, int], ...] = ()
    """Of each status, its mark."""


def children_of(found: SagaExecution, steps: Collection[str], user: Any) -> Mapping[str, Children]:
    """Step → its children that `user` may see. Asks nothing if there are no such steps."""
    if not steps:
        return {}
    visible = queries.visible_to(user).filter(parent_id=found.pk)
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for row in visible.order_by().values("parent_step", "status").annotate(number=Count("*")):
        counts[row["parent_step"]][row["status"]] = row["number"]
    trouble = Case(
        *(When(status=status, then=Value(place)) for place, status in enumerate(ORDER)),
        output_field=IntegerField(),
    )
    found_of = {}
    for step in [name for name in steps if name in counts][:MOST_FAMILIES]:
        rows = visible.filter(parent_step=step).order_by(trouble, "number")
        values = rows.values_list("saga_id", "status", "paused", "finished_at")[:MOST_CELLS]
        found_of[step] = Children(
            cells=tuple(_cell(*value) for value in values),
            total=sum(counts[step].values()),
            counts=tuple(
                (STATUS[each], counts[step][each]) for each in ORDER if each in counts[step]
            ),
        )
    return found_of


def list_url(saga_id: str) -> str:
    """The list of the children of a saga."""
    return f"{reverse('sagas_console:sagas')}?{urlencode({'parent': saga_id})}"


def _cell(saga_id: str, status: str, paused: bool, finished_at: object) -> Cell:
    mark = PAUSED if paused and finished_at is None else STATUS.get(status, UNKNOWN)
    url = reverse("sagas_console:saga", args=[saga_id])
    return Cell(saga_id, mark.tone, mark.sign, f"{saga_id}: {mark.label}", url)


def locks_of(found: SagaExecution) -> list[str]:
    """The names that it holds, or queues for; `MOST_LOCKS` at most."""
    keys = SagaLock.objects.filter(execution_id=found.pk).order_by("key")
    return list(keys.values_list("key", flat=True)[:MOST_LOCKS])
