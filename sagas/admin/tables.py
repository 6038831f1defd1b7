"""The parts of an execution's page: its steps, its children, its last events."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sagas import queries
from sagas.models import SagaEvent, SagaExecution
from sagas.moments import aware

EVENTS: Final = 50
"""Of an execution's last events, on its page: a screen or two."""

CHILDREN: Final = 20
"""Of an execution's children, on its page. The list shows all of them."""

Row = Sequence[object]


def link_to(pk: int, text: str) -> SafeString:
    """A link to an execution's page."""
    return format_html('<a href="{}">{}</a>', reverse(f"{_URLS}_change", args=[pk]), text)


def steps(found: SagaExecution) -> SafeString:
    """Where each step stands."""
    heads = ("step", "kind", "status", "effect", "attempts", "undoing", "due, or until", "children")
    rows = [
        (
            step["name"],
            step["kind"] or "",
            step["status"],
            step["effect"],
            step["attempts"],
            step["compensation_attempts"],
            step["due_at"] or step["until"] or "",
            _children_in_words(step["children"]),
            ": ".join(step["error"].values()) if step["error"] else "",
        )
        for step in queries.describe(found)["steps"]
    ]
    return _table((*heads, "last failure"), rows)


def attention(found: SagaExecution) -> SafeString:
    """What needs a person, of an execution itself or below it."""
    shown = queries.describe(found)
    if not shown["attention"]:
        return format_html("{}", "–")
    rows = [tuple(each.values()) for each in shown["attention"]]
    total = format_html("<p>{} in all.</p>", shown["attention_count"])
    return _table(("saga_id", "why"), rows) + total


def children(found: SagaExecution) -> SafeString:
    """The newest children, and a link to all."""
    wanted = queries.Filter(parent=found.saga_id)
    page = queries.page(wanted, queries.OPERATOR, limit=CHILDREN)
    if not page.executions:
        return format_html("{}", "–")
    rows = [
        (
            link_to(child.pk, child.saga_id),
            child.parent_step,
            child.status,
            queries.what_is_left(child),
            child.updated_at,
        )
        for child in page.executions
    ]
    url = f"{reverse(f'{_URLS}_changelist')}?parent__id__exact={found.pk}"
    link = format_html('<p><a href="{}">All its children</a></p>', url)
    return _table(("saga_id", "step", "status", "what is left", "updated"), rows) + link


def events(found: SagaExecution) -> SafeString:
    """What has happened, the newest first."""
    page = queries.events_after(found.pk, max(0, found.last_seq - EVENTS), EVENTS)
    rows = [
        (event.seq, event.at, event.type, event.step or "", event.attempt or "", _in_words(event))
        for event in reversed(page)
    ]
    return _table(("no.", "at", "event", "step", "attempt", "more"), rows)


_URLS: Final = "admin:sagas_sagaexecution"


def _table(heads: Iterable[str], rows: Iterable[Row]) -> SafeString:
    head = format_html_join("", "<th>{}</th>", ((text,) for text in heads))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", _cells(row)),) for row in rows)
    )
    return format_html(
        '<div style="overflow-x: auto"><table><thead><tr>{}</tr></thead><tbody>{}</tbody>'
        "</table></div>",
        head,
        body,
    )


def _cells(row: Row) -> Iterable[tuple[object]]:
    for value in row:
        if isinstance(value, datetime):
            value = f"{aware(value):%Y-%m-%d %H:%M:%S %Z}"
        yield (value,)


def _children_in_words(counts: Mapping[str, Any] | None) -> str:
    if counts is None:
        return ""
    outcomes = [f"{number} {outcome}" for outcome, number in counts["outcomes"].items()]
    return ", ".join([f"{counts['started']} of {counts['total']} started", *outcomes])


def _in_words(event: SagaEvent) -> str:
    """What an event says beside its columns: first who and why, if a person made it."""
    data = dict(event.data)
    who, why = data.pop("by", ""), data.pop("reason", "")
    parts = [f"{who}: {why}" if why else who] if who else []
    if data:
        parts.append(json.dumps(data, ensure_ascii=False))
    return "; ".join(parts)
