"""What live readers ask, for many executions at once: how far each is, and who may see which."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Count

from sagas.models import SagaEvent, SagaExecution
from sagas.moments import as_number, from_number
from sagas.queries.histories import is_terminal
from sagas.queries.lists import MOST_LISTED, Filter, matching, page
from sagas.queries.visibility import Asker, visible_to

NEWS_LIMIT: Final = 100
"""Events of one execution to a look: a saga of five steps has 20. More come with the next look."""

_NEWS: Final = f"""
-- One statement, so one snapshot: a row that says "ended at 20" comes with event 20.
SELECT x.id, x.saga_id, x.status, x.last_seq, {as_number("clock_timestamp()")},
       e.seq, e.type, e.step, e.direction, e.attempt, {as_number("e.at")}, e.status,
       e.data::text
FROM unnest(%s::bigint[], %s::bigint[]) AS asked (id, after)
JOIN sagas_sagaexecution x ON x.id = asked.id
LEFT JOIN LATERAL (
    SELECT * FROM sagas_sagaevent
    WHERE execution_id = asked.id AND seq > asked.after AND x.last_seq > asked.after
    ORDER BY seq LIMIT %s
) e ON true
ORDER BY x.id, e.seq
"""  # noqa: S608  (its own constants)


@dataclass(slots=True)
class ExecutionUpdate:
    """The current state of an execution, and its events above the requested number."""

    saga_id: str
    status: str
    last_seq: int
    read_at: datetime
    """By the database's clock."""
    events: list[SagaEvent]

    @property
    def is_terminal(self) -> bool:
        return is_terminal(self.status)


def news(asked: Mapping[int, int]) -> dict[int, ExecutionUpdate]:
    """Execution → its news above the given number, `NEWS_LIMIT` events at most: one statement for
    all of them. A deleted execution is missing from the answer."""
    found: dict[int, ExecutionUpdate] = {}
    with connection.cursor() as cursor:
        cursor.execute(_NEWS, [list(asked), list(asked.values()), NEWS_LIMIT])
        for pk, saga_id, status, last_seq, read_at, *event in cursor:
            at = from_number(read_at)
            item = found.setdefault(pk, ExecutionUpdate(saga_id, status, last_seq, at, []))
            if event[0] is not None:
                item.events.append(_event(pk, event))
    return found


def _event(execution_id: int, row: Sequence[Any]) -> SagaEvent:
    fields = ("seq", "type", "step", "direction", "attempt", "at", "status")
    values = dict(zip(fields, row[:-1], strict=True))
    values |= {"at": from_number(values["at"]), "data": json.loads(row[-1])}
    return SagaEvent(execution_id=execution_id, **values)


def hidden_from(user: Asker, ids: Collection[int]) -> set[int]:
    """Those of the executions that `user` may not see. One that is gone hides nothing."""
    visible = visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)
    missing = set(ids) - set(visible)
    there = SagaExecution.objects.filter(pk__in=missing).values_list("pk", flat=True)
    return set(there) if missing else missing


def counts(wanted: Filter, user: Asker) -> dict[str, int]:
    """Status → how many executions that `user` may see match, ignoring the filter's statuses.

    Raises what `page` raises. It reads every row that matches: without a
    filter, for who may see all, that is the table.
    """
    any_status = replace(wanted, status=None, statuses=None)
    found = matching(any_status, user).order_by().values("status").annotate(number=Count("*"))
    return {row["status"]: row["number"] for row in found}


def live_page(wanted: Filter, user: Asker, limit: int) -> list[SagaExecution]:
    """The newest executions that match, to be shown by `summary`. Raises what `page` raises."""
    return list(page(wanted, user, limit=min(limit, MOST_LISTED)).executions)
