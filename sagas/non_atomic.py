"""Views of ours in a project with ATOMIC_REQUESTS.

The engine commits by itself, and tells nobody before: a transaction around it would be refused, and
an async view can't be in one at all. So Django is told, for each database that there is, to leave
them alone.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import connections

View = TypeVar("View", bound=Callable[..., Any])


def non_atomic(view: View) -> View:
    """The view, never called in a transaction."""
    view._non_atomic_requests = set(connections)  # type: ignore[attr-defined]  # as Django reads it
    return view


def non_atomic_urls(patterns: Iterable[Any]) -> list[Any]:
    """The same URL patterns, all of whose views are marked so: for those that a package makes."""
    found = list(patterns)
    for pattern in found:
        non_atomic(pattern.callback)
    return found
