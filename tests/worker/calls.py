"""Actions that tell which tasks they ran in."""

from typing import Any, Final

from celery import current_task

MADE: Final[list[tuple[str, str]]] = []
"""The name and the id of each."""


def note(context: Any) -> None:
    """As an action that tells which task it runs in."""
    MADE.append((current_task.name, current_task.request.id))


def names() -> list[str]:
    return [name for name, _ in MADE]
