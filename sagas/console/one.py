"""The page of one saga. Asked by htmx, it is the part that changes."""

from typing import Any, Final

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from sagas import queries
from sagas.console.attempts import attempts
from sagas.console.contexts import context_table
from sagas.console.family import list_url, locks_of
from sagas.console.graph import graph
from sagas.console.graph.views import views
from sagas.console.offers import offers
from sagas.console.pages import page, show
from sagas.console.reading import Snapshot, snapshot
from sagas.console.story import story
from sagas.console.waterfall import waterfall
from sagas.console.why import why
from sagas.console.words import between, mark_of

LINES: Final = 100
"""Events in the story: a screen or three. Earlier ones have pages of their own."""

MOST_DIGITS: Final = 18
"""Of the number of an event: what a bigint holds."""


@page
@require_safe
def saga(request: HttpRequest, saga_id: str) -> HttpResponse:
    """All of it; or, by `?before=` a number, with the story up to that event."""
    shown = snapshot(saga_id, request.user)
    named = {
        **_named(shown, request.user),
        **_story(shown, request.user, request.GET.get("before", "")),
    }
    if HtmxDetails(request):
        return show(request, "live", named)
    return show(request, "saga", {**named, **_stream(shown), "here": "sagas"})


def _named(shown: Snapshot, user: Any) -> dict[str, Any]:
    described = shown.described
    end = described["finished_at"] if shown.is_over else shown.now
    return {
        "saga": described,
        "is_over": shown.is_over,
        "is_turning": described["status"] == "compensating",
        "has_back": shown.back is not None and bool(shown.back.stages),
        "below": [
            each for each in described["attention"] if each["saga_id"] != shown.found.saga_id
        ],
        "owner": shown.found.owner,
        "mark": mark_of(described),
        "why": why(shown),
        "offers": offers(shown, user),
        "lasts": between(described["created_at"], end),
        "graph": drawn(shown),
        "waterfall": waterfall(shown.attempts, shown.now, shown.is_over),
        "context": context_table(described["context"], [*shown.first, *shown.events]),
        "families": shown.children,
        "children_url": list_url(shown.found.saga_id),
        "locks": locks_of(shown.found),
    }


def drawn(shown: Snapshot) -> str:
    """The graph; empty if no definition fits, or the row can't be read."""
    if shown.definition is None or shown.state is None:
        return ""
    found = views(
        shown.described, shown.definition, shown.told, shown.back, shown.children, shown.now
    )
    return graph(shown.definition, found, shown.described["choices"])


def _story(shown: Snapshot, user: Any, before: str) -> dict[str, Any]:
    """The newest events, or those before a number, oldest first."""
    is_number = before.isascii() and before.isdigit() and len(before) <= MOST_DIGITS
    if not is_number:
        events = shown.events[-LINES:]
        took = shown.attempts.took
    else:
        last = min(int(before), shown.found.last_seq + 1)
        after = max(0, last - LINES - 1)
        events = queries.events_for(user, shown.found, after, max(0, last - after - 1))
        took = attempts(events, shown.now, is_over=True).took
    return {
        "lines": story(events, took),
        "earlier": events[0].seq if events and events[0].seq > 1 else None,
        "is_newest": not is_number,
    }


def _stream(shown: Snapshot) -> dict[str, Any]:
    """Where its progress is told; without `sagas.live`, the page asks again and again."""
    if not apps.is_installed("sagas.live"):
        return {"base": ""}
    try:
        return {"base": reverse("sagas:health").removesuffix("health/")}
    except NoReverseMatch:
        return {"base": ""}
