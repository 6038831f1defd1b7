"""What needs a person, wherever in a family it stands (L4): what has failed, and what is left alone
here because no definition fits it (S12).

Nothing of it is kept: each question is answered by an index that holds such rows alone, or, for
what is left alone, the few kinds of live ones.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from sagas.models import SagaExecution
from sagas.registry import registry

MOST_NAMED: Final = 20
"""Of what needs a person below one execution: a screen. How many there are is told, too."""

_IS_LIVE: Final = "(e.finished_at IS NULL OR e.wake_at IS NOT NULL)"
"""As the partial index spells it."""

KINDS: Final = f"""
-- From one to the next in the index, and none of what has it.
WITH RECURSIVE kind AS (
    (SELECT e.saga_type, e.version, e.definition_digest FROM sagas_sagaexecution AS e
     WHERE {_IS_LIVE} ORDER BY 1, 2, 3 LIMIT 1)
    UNION ALL
    SELECT next.* FROM kind CROSS JOIN LATERAL (
        SELECT e.saga_type, e.version, e.definition_digest FROM sagas_sagaexecution AS e
        WHERE {_IS_LIVE} AND (e.saga_type, e.version, e.definition_digest)
            > (kind.saga_type, kind.version, kind.definition_digest)
        ORDER BY 1, 2, 3 LIMIT 1
    ) AS next
)
SELECT * FROM kind
"""  # noqa: S608  (its own constants)

_FAILED: Final = "SELECT e.id, e.parent_id FROM sagas_sagaexecution AS e WHERE e.status = 'failed'"

_LEFT_ALONE: Final = f"""
    FROM unnest(%s::text[], %s::integer[], %s::text[]) AS unfit (saga_type, version, digest)
    JOIN sagas_sagaexecution AS e ON e.saga_type = unfit.saga_type AND e.version = unfit.version
        AND e.definition_digest = unfit.digest AND {_IS_LIVE}"""

_AND_ABOVE: Final = """
-- An array, so that the executions are looked up by their keys, however many are expected. A parent
-- is looked up for each child.
sagas_sagaexecution.id = ANY(ARRAY(
    WITH RECURSIVE above AS (
        {seeds}
        UNION
        SELECT parent.* FROM above CROSS JOIN LATERAL (
            SELECT e.id, e.parent_id FROM sagas_sagaexecution AS e WHERE e.id = above.parent_id
            OFFSET 0
        ) AS parent
    )
    SELECT id FROM above
))
"""

BELOW: Final = f"""
SELECT saga_id, status, steps, saga_type, version, definition_digest, count(*) OVER () FROM (
    SELECT e.* FROM sagas_sagaexecution AS e WHERE e.root_id = %s AND e.status = 'failed'
    UNION ALL
    SELECT e.* {_LEFT_ALONE} AND e.root_id = %s AND e.status <> 'failed'
) AS trouble
WHERE saga_id LIKE %s ORDER BY status = 'failed' DESC, id DESC LIMIT {MOST_NAMED}
"""  # noqa: S608

COUNTS: Final = f"""
WITH failed AS (
    SELECT e.id, e.root_id FROM sagas_sagaexecution AS e WHERE e.status = 'failed'
), left_alone AS (
    SELECT e.id, e.root_id {_LEFT_ALONE} AND e.status <> 'failed'
), troubled AS (SELECT * FROM failed UNION ALL SELECT * FROM left_alone)
SELECT (SELECT count(*) FROM failed), (SELECT count(*) FROM left_alone), (
    SELECT count(DISTINCT root_id) FROM troubled
    WHERE root_id IS NOT NULL AND root_id NOT IN (SELECT id FROM troubled)
)
"""  # noqa: S608

Kind = tuple[str, int, str]
"""A type, a version and a digest."""


@dataclass(frozen=True, slots=True)
class AttentionItem:
    """An execution that needs a person; `steps` is as the row keeps it."""

    saga_id: str
    status: str
    steps: dict[str, Any]
    kind: Kind


@dataclass(frozen=True, slots=True)
class AttentionCounts:
    """How many executions have failed, how many are left alone by this process, and how many at
    the top of their tree only have such executions below them."""

    failed: int
    left_alone: int
    below: int


def left_alone() -> list[Kind]:
    """The kinds of live executions that no definition of this process fits: one statement."""
    with connection.cursor() as cursor:
        cursor.execute(KINDS)
        return [kind for kind in cursor.fetchall() if registry.fitting(*kind) is None]


def needs_attention() -> RawSQL:
    """A condition: the execution, or something below it, needs a person."""
    seeds = f"{_FAILED} UNION SELECT e.id, e.parent_id {_LEFT_ALONE}"
    return _condition(seeds, _arrays(left_alone()))


def has_failed() -> RawSQL:
    """A condition: it has failed, or something below it has."""
    return _condition(_FAILED, [])


def below(found: SagaExecution) -> tuple[list[AttentionItem], int]:
    """What needs a person below an execution, `MOST_NAMED` at most, and how many there are."""
    root = found.pk if found.root_id is None else found.root_id
    values: list[Any] = [root, *_arrays(left_alone()), root, f"{_escaped(found.saga_id)}~%"]
    with connection.cursor() as cursor:
        cursor.execute(BELOW, values)
        rows = cursor.fetchall()
    return [_trouble(row) for row in rows], rows[0][-1] if rows else 0


def counts_of_attention() -> AttentionCounts:
    """All counts together: two statements, which read only executions that need attention."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, _arrays(left_alone()))
        return AttentionCounts(*cursor.fetchone())


def _trouble(row: Sequence[Any]) -> AttentionItem:
    saga_id, status, steps, *kind, _ = row
    return AttentionItem(saga_id, status, json.loads(steps), tuple(kind))


def _arrays(kinds: Collection[Kind]) -> list[list[Any]]:
    return [[kind[place] for kind in kinds] for place in range(3)]


def _condition(seeds: str, values: list[Any]) -> RawSQL:
    sql = _AND_ABOVE.format(seeds=seeds)
    return RawSQL(sql, values, output_field=BooleanField())  # noqa: S611  (its own constants)


def _escaped(text: str) -> str:
    """Of what a saga_id may have, only `_` means something to LIKE."""
    return text.replace("_", r"\_")
