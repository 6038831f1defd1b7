"""The history as a story: what led to an attempt's end is one line with it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.safestring import SafeString

from sagas import queries
from sagas.console.sentences import sentence
from sagas.console.words import json_text
from sagas.machine import Direction
from sagas.models import SagaEvent
from sagas.moments import aware

QUIET: Final = frozenset({"step.scheduled", "step.claimed", "step.asked", "step.children"})
"""Told with what comes of them; alone, as long as nothing has."""

TONES: Final = {
    "saga.compensating": "back",
    "saga.compensated": "back",
    "saga.released": "back",
    "saga.cancelled": "back",
    "saga.completed": "done",
    "saga.failed": "bad",
    "step.failed": "bad",
    "step.retrying": "retry",
    "step.late": "dim",
}

MOST_RAW: Final = 2000
"""Characters of an event's JSON on the page. The API has all of it."""

MOST_PARTS: Final = 20
"""Events to a line; of more, the newest."""


@dataclass(frozen=True, slots=True)
class Part:
    """One event."""

    seq: int
    type: str
    sentence: SafeString
    raw: str


@dataclass(frozen=True, slots=True)
class Line:
    seq: int
    """Of the event that it tells, the last of its parts."""
    at: datetime
    tone: str
    sentence: SafeString
    parts: list[Part]
    is_under_way: bool = False


def story(events: Iterable[SagaEvent], took: Mapping[int, float]) -> list[Line]:
    """Lines in order. `took` is how long what an event settles took, by its number."""
    lines: list[Line] = []
    waiting: dict[tuple[str | None, str | None], list[SagaEvent]] = {}
    for event in events:
        key = event.step, event.direction
        if event.type in QUIET:
            waiting.setdefault(key, []).append(event)
        elif event.type == "saga.running" and lines:
            lines[-1].parts.append(_part(event, took))
        else:
            before = waiting.pop(key, []) if event.step is not None else []
            lines.append(_line([*before, event], took))
    under_way = [_line(group, took, is_under_way=True) for group in waiting.values()]
    return sorted([*lines, *under_way], key=lambda line: line.seq)


def _line(group: list[SagaEvent], took: Mapping[int, float], *, is_under_way: bool = False) -> Line:
    last = group[-1]
    tone = TONES.get(last.type, "")
    if last.direction == Direction.COMPENSATION and last.type != "step.failed":
        tone = "back"
    parts = [_part(event, took) for event in group[-MOST_PARTS:]]
    said = sentence(_together(group), took.get(last.seq))
    return Line(last.seq, aware(last.at), tone, said, parts, is_under_way)


def _together(group: list[SagaEvent]) -> SagaEvent:
    """The last event; of many about children, one with all that they say."""
    last = group[-1]
    if last.type != "step.children":
        return last
    data: dict[str, Any] = {"started": 0, "change": Counter()}
    for event in group:
        if event.type == "step.children":
            data["started"] += event.data.get("started") or 0
            data["change"].update(event.data.get("change") or {})
    return SagaEvent(type=last.type, step=last.step, direction=last.direction, data=data)


def _part(event: SagaEvent, took: Mapping[int, float]) -> Part:
    said: dict[str, Any] = queries.describe_event(event)
    raw = json_text(said, 1)
    cut = raw if len(raw) <= MOST_RAW else f"{raw[:MOST_RAW]}…"
    return Part(event.seq, event.type, sentence(event, took.get(event.seq)), cut)
