"""What has happened to one execution."""

from collections.abc import Sequence
from typing import Final

from sagas.machine import TERMINAL, event_from_json
from sagas.machine import events as ev
from sagas.models import SagaEvent, SagaExecution

EVENTS_PAGE: Final = 500
"""Events to a page. A page of ordinary ones is about 100 KB; a saga of five steps has 20."""


def events_after(execution_id: int, after: int, limit: int = EVENTS_PAGE) -> Sequence[SagaEvent]:
    """The events with a number above `after`, in order, `limit` at most."""
    return list(
        SagaEvent.objects.filter(execution_id=execution_id, seq__gt=after).order_by("seq")[:limit]
    )


def is_terminal(status: str) -> bool:
    """Whether nothing can follow."""
    return status in TERMINAL


def is_all(execution_id: int, after: int) -> bool:
    """Whether no event above `after` will come any more: it was the last one, or the saga was
    deleted."""
    found = SagaExecution.objects.filter(pk=execution_id).values_list("status", "last_seq").first()
    return found is None or (is_terminal(found[0]) and found[1] <= after)


def history(execution_id: int) -> list[ev.Event]:
    """Every event of an execution as values of the machine, as `fold` takes them."""
    rows = SagaEvent.objects.filter(execution_id=execution_id).order_by("seq")
    return [_as_machine_event(row) for row in rows]


def _as_machine_event(row: SagaEvent) -> ev.Event:
    columns = {"step": row.step, "direction": row.direction, "attempt": row.attempt}
    present = {name: value for name, value in columns.items() if value is not None}
    return event_from_json(row.type, {**row.data, **present})
