"""The context as a table: each key with its value, and where it came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from sagas.console.words import json_text, number
from sagas.models import SagaEvent

MOST_VALUE: Final = 1500
"""Characters of a value on the page. The API has all of it."""

MOST_KEYS: Final = 200
"""How many more there are is told."""

ONE_LINE: Final = 60
"""Characters of a value that is not worth more lines."""


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    value: str
    """As JSON."""
    is_cut: bool
    origin: str
    is_added: bool
    """Whether it is not part of the input as it was given."""


@dataclass(frozen=True, slots=True)
class ContextTable:
    entries: list[Entry]
    more: int


def context_table(context: Mapping[str, Any], events: Iterable[SagaEvent]) -> ContextTable:
    """`events` are those that are at hand, in order, with the first one."""
    origins = _origins(events)
    order = {key: place for place, key in enumerate(origins)}
    keys = sorted(context, key=lambda key: order.get(key, -1))[:MOST_KEYS]
    entries = [_entry(key, context[key], origins.get(key)) for key in keys]
    return ContextTable(entries, len(context) - len(keys))


def _entry(key: str, value: Any, origin: tuple[str, bool] | None) -> Entry:
    text = json_text(value)
    if len(text) > ONE_LINE and not _is_flat(value):
        text = json_text(value, 2)
    said, is_added = origin or (_("earlier"), False)
    if len(text) <= MOST_VALUE:
        return Entry(key, text, False, said, is_added)
    more = _("%s characters more") % number(len(text) - MOST_VALUE)
    return Entry(key, f"{text[:MOST_VALUE]}… {more}", True, said, is_added)


def _is_flat(value: Any) -> bool:
    """Whether it is a list of texts and numbers, which is no better with a line for each."""
    return isinstance(value, list) and not any(isinstance(each, list | dict) for each in value)


def _origins(events: Iterable[SagaEvent]) -> dict[str, tuple[str, bool]]:
    """Key → what set it last, and whether that was later than the start."""
    found: dict[str, tuple[str, bool]] = {}
    for event in events:
        data = event.data if isinstance(event.data, dict) else {}
        if event.type == "saga.started":
            found |= dict.fromkeys(_keys(data.get("context")), (_("input"), False))
        else:
            changed = [*_keys(data.get("changes")), *_keys(data.get("adds"))]
            found |= dict.fromkeys(changed, (_origin(event, data), True))
    return found


def _keys(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _origin(event: SagaEvent, data: Mapping[str, Any]) -> str:
    if event.type == "saga.amended":
        return _("changed by %s") % str(data.get("by", "?"))
    if event.type == "step.skipped":
        return _("%(step)s, skipped by %(by)s") % {"step": event.step, "by": data.get("by", "?")}
    if event.step is None:
        return str(data.get("choice") or event.type)
    if event.attempt is not None and event.attempt > 1:
        return f"{event.step}, {_('attempt %d') % event.attempt}"
    return str(event.step)
