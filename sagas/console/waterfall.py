"""All attempts on one axis of time, as SVG."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from sagas.console import svg
from sagas.console.attempts import Attempts, Span, Track
from sagas.console.timeline import Timeline, timeline
from sagas.console.words import duration, plain

# All in pixels.
WIDTH: Final = 800.0
LABELS: Final = 168.0
RIGHT: Final = 24.0
TOP: Final = 34.0
ROW: Final = 28.0
BAR: Final = 14.0
SHORTEST: Final = 3.0
"""Of a bar, so that it is seen."""
APART: Final = 44.0
"""Between two labels of the axis."""

MOST_ROWS: Final = 80
"""Steps: two screens. How many more there are is told."""

LABEL: Final = 22
"""Characters of a step's name."""


def waterfall(found: Attempts, now: datetime, is_over: bool) -> SafeString:
    """Empty if nothing was attempted."""
    tracks = found.tracks[:MOST_ROWS]
    spans = [span for track in tracks for span in track.spans]
    if not spans:
        return svg.NOTHING
    axis = timeline(spans, None if is_over else now, WIDTH - LABELS - RIGHT)
    bottom = TOP + ROW * len(tracks)
    more = len(found.tracks) - len(tracks)
    parts = [
        _hatching(),
        *_axis(axis, bottom),
        *(part for row, track in enumerate(tracks) for part in _row(axis, track, row)),
    ]
    if not is_over:
        parts.append(_now(axis, now, bottom))
    if more:
        parts.append(svg.text(12, bottom + 16, _("and %d more steps") % more, "ax"))
    height = bottom + (24 if more else 12)
    return svg.element(
        "svg",
        parts,
        xmlns=svg.NAMESPACE,
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="group",
        aria_label=_("Attempts on an axis of time"),
        class_="waterfall",
    )


def _hatching() -> SafeString:
    lines = svg.path("M0 6L6 0M-1 1L1-1M5 7L7 5", "hatch")
    size = {"width": 6, "height": 6, "patternUnits": "userSpaceOnUse"}
    return svg.element("defs", [svg.element("pattern", [lines], id="queued", **size)])


def _axis(axis: Timeline, bottom: float) -> Iterator[SafeString]:
    free = -APART
    folds = [(each.left + each.right) / 2 for each in axis.stretches if each.is_folded]
    for seconds, x in axis.ticks():
        if x - free < APART or any(abs(x - fold) < APART for fold in folds):
            continue
        free = x
        yield svg.line([(LABELS + x, TOP - 6), (LABELS + x, bottom)], "grid")
        yield svg.text(LABELS + x, TOP - 14, duration(seconds) if seconds else "0", "ax", "middle")
    for each in axis.stretches:
        if each.is_folded:
            middle = LABELS + (each.left + each.right) / 2
            size = each.right - each.left - 4, bottom - TOP + 4
            yield svg.rectangle(LABELS + each.left + 2, TOP - 4, *size, "fold", 4)
            said = duration((each.end - each.start).total_seconds())
            yield svg.element("title", _("%s in which nothing ran") % said)
            yield svg.text(middle, TOP - 14, " ".join(said.split(" ")[:2]), "ax gap", "middle")


def _row(axis: Timeline, track: Track, row: int) -> Iterator[SafeString]:
    middle = TOP + ROW * row + ROW / 2
    name = f"↺ {track.step}" if track.is_back else track.step
    yield svg.text(12, middle + 4, plain(name, LABEL), "lb back" if track.is_back else "lb")
    for span in track.spans:
        left, right = axis.at(span.start), axis.at(span.end)
        left, right = LABELS + left, LABELS + max(right, left + SHORTEST)
        yield svg.element(
            "g",
            [svg.element("title", _said(track, span)), _shape(track, span, left, right, middle)],
            role="img",
            aria_label=_said(track, span),
        )


def _shape(track: Track, span: Span, left: float, right: float, middle: float) -> SafeString:
    if span.kind in ("backoff", "waiting"):
        return svg.line([(left, middle), (right, middle)], span.kind)
    tone = "bad" if span.is_bad else "back" if track.is_back else "now"
    kind = "queued" if span.kind == "queued" else f"ran {tone}"
    pulse = " open" if span.is_open else ""
    return svg.rectangle(left, middle - BAR / 2, right - left, BAR, kind + pulse, 3)


def _said(track: Track, span: Span) -> str:
    kinds = {
        "queued": _("queued"),
        "running": _("ran"),
        "backoff": _("until the next attempt"),
        "waiting": _("waited"),
    }
    name = _("undoing %s") % track.step if track.is_back else track.step
    parts = [name, f"{kinds[span.kind]} {duration((span.end - span.start).total_seconds())}"]
    if span.attempt:
        parts.append(_("attempt %d") % span.attempt)
    if span.is_bad:
        parts.append(_("failed"))
    if span.is_open:
        parts.append(_("goes on"))
    return ", ".join(parts)


def _now(axis: Timeline, now: datetime, bottom: float) -> SafeString:
    x = LABELS + axis.at(now)
    return svg.line([(x, TOP - 6), (x, bottom)], "nowline")
