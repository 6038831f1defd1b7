"""What a person may want to look after before it has failed: conditions on what is live.

Each is answered from the partial index of live executions alone, whatever else there is.
"""

from enum import StrEnum
from typing import Any, Final

from django.db.models import BooleanField, Count
from django.db.models.expressions import RawSQL

from sagas.machine import WaitFor
from sagas.models import SagaExecution
from sagas.queries.visibility import Asker, visible_to
from sagas.registry import registry


class Standing(StrEnum):
    """How a live execution stands."""

    RETRYING = "retrying"
    """A step, or a compensation, of it has failed and is due again."""
    WAITING = "waiting"
    """It waits for a signal."""
    PAUSED = "paused"
    LATE = "late"
    """Its deadline has passed."""


_RETRYING: Final = (
    '$.* ? ((@.status == "scheduled" && @.attempts > 0)'
    ' || (@.status == "compensation_scheduled" && @.compensation_attempts > 0))'
)

# Deadlines are kept as ISO 8601 text in UTC, which sorts as the moments do.
_NOW: Final = """to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')"""

_CONDITIONS: Final = {
    Standing.RETRYING: "jsonb_path_exists(e.steps, %s::jsonpath)",
    Standing.WAITING: """EXISTS (
        SELECT FROM unnest(%s::text[], %s::integer[], %s::text[]) AS wait (saga_type, version, step)
        WHERE wait.saga_type = e.saga_type AND wait.version = e.version
            AND e.current_steps ? wait.step
    )""",
    Standing.PAUSED: "e.paused",
    Standing.LATE: f"e.options ->> 'deadline' < {_NOW}",
}

_LIVE: Final = """
-- An array, so that the executions are looked up by their keys, however many are expected.
sagas_sagaexecution.id = ANY(ARRAY(
    SELECT e.id FROM sagas_sagaexecution AS e WHERE e.finished_at IS NULL AND {condition}
))
"""


def stands(standing: Standing) -> RawSQL:
    """A condition: the execution is live, and stands so."""
    sql = _LIVE.format(condition=_CONDITIONS[standing])
    values = _values(standing)
    return RawSQL(sql, values, output_field=BooleanField())  # noqa: S611  (its own constants)


def _values(standing: Standing) -> list[Any]:
    match standing:
        case Standing.RETRYING:
            return [_RETRYING]
        case Standing.WAITING:
            waits = [
                (saga.saga_type, saga.version, step.name)
                for saga in registry
                for step in saga.by_name.values()
                if isinstance(step, WaitFor)
            ]
            return [[wait[place] for wait in waits] for place in range(3)]
        case _:
            return []


MOST_COUNTED: Final = 10_000
"""The newest executions that are counted by type and status: more would be read row by row."""


def counts_of_newest(user: Asker) -> dict[tuple[str, str], int]:
    """Type and status → how many of the `MOST_COUNTED` newest executions that `user` may see and
    that are no children have them: one statement."""
    newest = visible_to(user).filter(parent=None).order_by("-id").values("pk")[:MOST_COUNTED]
    found = SagaExecution.objects.filter(pk__in=newest).order_by()
    counted = found.values_list("saga_type", "status").annotate(number=Count("*"))
    return {(saga_type, status): number for saga_type, status, number in counted}
