"""Executions as the rows of a list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sagas import queries
from sagas.console.words import Mark, mark_of
from sagas.models import SagaExecution

MOST_TAGS: Final = 3
"""In a row; how many more there are is told."""


@dataclass(frozen=True, slots=True)
class Row:
    saga_id: str
    saga_type: str
    mark: Mark
    left: str
    """What keeps it from its end, in words."""
    tags: list[str]
    more_tags: int
    created_at: datetime
    updated_at: datetime


def rows_of(executions: Iterable[SagaExecution]) -> list[Row]:
    """Makes no query, if they come from `queries.page`."""
    return [_row(each, queries.summary(each)) for each in executions]


def _row(found: SagaExecution, summary: dict[str, Any]) -> Row:
    tags = summary["tags"]
    return Row(
        saga_id=found.saga_id,
        saga_type=found.saga_type,
        mark=mark_of(summary),
        left=queries.what_is_left(found),
        tags=tags[:MOST_TAGS],
        more_tags=len(tags) - MOST_TAGS if len(tags) > MOST_TAGS else 0,
        created_at=summary["created_at"],
        updated_at=summary["updated_at"],
    )
