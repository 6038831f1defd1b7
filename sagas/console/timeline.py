"""A time axis on which long gaps are folded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from sagas.console.attempts import Span

FOLD: Final = 40.0
"""Pixels of a folded gap: room for how long it is."""

SHORTEST_GAP: Final = timedelta(seconds=5)
"""Shorter ones are shown as long as they are."""

MUCH_LONGER: Final = 2
"""A gap is folded if it is so many times as long as all that happened."""

TICKS: Final = 6

STEPS: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30),
    *(60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400, 604800),
)
"""Seconds between two ticks."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the axis, in pixels from its beginning."""

    start: datetime
    end: datetime
    left: float
    right: float
    is_folded: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    stretches: list[Stretch]

    @property
    def start(self) -> datetime:
        return self.stretches[0].start

    def at(self, moment: datetime) -> float:
        """Where a moment stands, in pixels; beyond an end, at the end."""
        for stretch in self.stretches:
            if moment <= stretch.end:
                length = (stretch.end - stretch.start).total_seconds()
                into = max(0.0, (moment - stretch.start).total_seconds())
                share = into / length if length else 0.0
                return stretch.left + share * (stretch.right - stretch.left)
        return self.stretches[-1].right

    def ticks(self) -> Iterator[tuple[float, float]]:
        """Seconds since the start, and where; none within a gap."""
        shown = [each for each in self.stretches if not each.is_folded]
        total = sum((each.end - each.start).total_seconds() for each in shown)
        step = next((each for each in STEPS if each * TICKS >= total), STEPS[-1])
        for each in shown:
            first = (each.start - self.start).total_seconds()
            last = (each.end - self.start).total_seconds()
            number = int(-(-first // step))
            while number * step <= last and number * step - first <= step * TICKS * 2:
                yield number * step, self.at(self.start + timedelta(seconds=number * step))
                number += 1


def timeline(spans: Iterable[Span], until: datetime | None, width: float) -> Timeline:
    """The axis for these spans, of which there is one at least; `until`, if it is not over."""
    found = list(spans)
    edges = {moment for span in found for moment in (span.start, span.end)}
    edges |= {until} if until is not None else set()
    if len(edges) == 1:
        edges.add(min(edges) + timedelta(milliseconds=1))
    parts = _joined([(*pair, _is_busy(pair, found)) for pair in pairwise(sorted(edges))])
    busy = sum((end - start for start, end, is_busy in parts if is_busy), timedelta())
    limit = max(SHORTEST_GAP, MUCH_LONGER * busy)
    folds = [not is_busy and end - start > limit for start, end, is_busy in parts]
    if all(folds):
        folds = [False] * len(parts)
    room = max(width - FOLD * sum(folds), width / 3)
    shown = sum(
        (end - start).total_seconds()
        for (start, end, _), is_folded in zip(parts, folds, strict=True)
        if not is_folded
    )
    stretches: list[Stretch] = []
    left = 0.0
    for (start, end, _), is_folded in zip(parts, folds, strict=True):
        seconds = (end - start).total_seconds()
        right = left + (FOLD if is_folded else room * seconds / shown if shown else 0)
        stretches.append(Stretch(start, end, left, right, is_folded))
        left = right
    return Timeline(stretches)


def _is_busy(pair: tuple[datetime, datetime], spans: list[Span]) -> bool:
    start, end = pair
    return any(span.kind == "running" and span.start < end and span.end > start for span in spans)


def _joined(
    parts: list[tuple[datetime, datetime, bool]],
) -> list[tuple[datetime, datetime, bool]]:
    """Neighbours of one kind are one part."""
    found: list[tuple[datetime, datetime, bool]] = []
    for start, end, is_busy in parts:
        if found and found[-1][2] == is_busy:
            found[-1] = found[-1][0], end, is_busy
        else:
            found.append((start, end, is_busy))
    return found
