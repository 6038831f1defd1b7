"""Home: what needs me, and how many there are of what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from sagas import queries
from sagas.access import Right, policy
from sagas.console.filters import ATTENTION
from sagas.console.pages import page, show
from sagas.console.rows import Row, rows_of
from sagas.console.words import STATUS, Mark
from sagas.machine import ExecutionStatus
from sagas.queries import Filter, Standing

ROWS: Final = 6
"""Of each kind; the list has the others."""


@dataclass(frozen=True, slots=True)
class Section:
    title: Any
    tone: str
    hint: Any
    rows: list[Row]
    has_more: bool
    url: str


@dataclass(frozen=True, slots=True)
class Kind:
    title: Any
    tone: str
    hint: Any
    filter: Filter
    query: Mapping[str, str]


KINDS: Final = (
    Kind(
        _("Need a person"),
        "bad",
        _("Failed, or left alone because no definition fits; or such a one is below."),
        Filter(attention=True),
        {"standing": ATTENTION},
    ),
    Kind(
        _("Past their deadline"),
        "bad",
        _("Still under way, though their time is up."),
        Filter(standing=Standing.LATE),
        {"standing": Standing.LATE},
    ),
    Kind(
        _("Are retried"),
        "back",
        _("An attempt has failed, and the next one is due."),
        Filter(standing=Standing.RETRYING),
        {"standing": Standing.RETRYING},
    ),
    Kind(
        _("Wait for a signal"),
        "wait",
        _("Somebody, or something, has to say how they go on."),
        Filter(standing=Standing.WAITING),
        {"standing": Standing.WAITING},
    ),
    Kind(
        _("Are paused"),
        "wait",
        _("They start nothing until they are resumed."),
        Filter(standing=Standing.PAUSED),
        {"standing": Standing.PAUSED},
    ),
)


@page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What needs somebody among the sagas that they may see."""
    sections = [found for kind in KINDS if (found := _section(kind, request.user)).rows]
    named = {
        "sections": sections,
        "table": _table(queries.counts_of_newest(request.user)),
        "most": queries.MOST_COUNTED,
        "sees_all": bool(policy().reach(request.user, Right.VIEW)),
        "here": "home",
    }
    return show(request, "home", named)


def _section(kind: Kind, user: Any) -> Section:
    found = queries.page(kind.filter, user, limit=ROWS)
    url = f"{reverse('sagas_console:sagas')}?{urlencode(kind.query)}"
    rows = rows_of(found.executions)
    return Section(kind.title, kind.tone, kind.hint, rows, found.next_before is not None, url)


@dataclass(frozen=True, slots=True)
class Count:
    number: int
    url: str
    mark: Mark


def _table(counts: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """A row for each type, a column for each status."""
    list_url = reverse("sagas_console:sagas")
    types = sorted({saga_type for saga_type, _status in counts})
    rows = [
        {
            "type": saga_type,
            "url": f"{list_url}?{urlencode({'type': saga_type})}",
            "counts": [
                Count(
                    counts.get((saga_type, status), 0),
                    f"{list_url}?{urlencode({'type': saga_type, 'status': status})}",
                    STATUS[status],
                )
                for status in ExecutionStatus
            ],
        }
        for saga_type in types
    ]
    return {"marks": [STATUS[status] for status in ExecutionStatus], "rows": rows}
