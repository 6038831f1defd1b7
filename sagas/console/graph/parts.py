"""The layout: parts that know their size, and draw themselves around a line from left to right.

`up` and `down` are the room that a part needs above and below that line. Below it, in each row, is
the lane of the way back, from right to left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from django.utils.safestring import SafeString

from sagas.console import svg
from sagas.console.graph.boxes import (
    BACK_HEIGHT,
    DROP,
    GATE,
    HEIGHT,
    draw_back,
    draw_forward,
    draw_gate,
    height_of,
    width_of,
)
from sagas.console.graph.standing import StepView
from sagas.console.words import plain

# All in pixels.
GAP: Final = 32.0
"""Between two parts: room for an arrow."""
APART: Final = 20.0
"""Between branches."""
BAR: Final = 6.0
DIAMOND: Final = 20.0
"""Half of it."""
LABEL: Final = 26.0
"""Below the diamond: what it asks."""

Ends = tuple[float, float, str]
"""Of what stands in the lane of the way back: left, right, and its tone."""


class Part(Protocol):
    @property
    def width(self) -> float: ...
    @property
    def up(self) -> float: ...
    @property
    def down(self) -> float: ...
    @property
    def reach(self) -> float:
        """How far below the line its way forward reaches, above the lane."""

    @property
    def has_back(self) -> bool: ...
    @property
    def was_reached(self) -> bool: ...

    def draw(self, x: float, y: float, lane: float) -> Iterator[SafeString]:
        """With its left end at `x`; `lane` is where the way back is."""

    def ends(self, x: float) -> Ends | None:
        """What of it stands in the lane, if anything does."""


@dataclass(frozen=True, slots=True)
class StepPart:
    view: StepView
    is_pivot: bool = False

    @property
    def width(self) -> float:
        return width_of(self.view) + (GATE if self.is_pivot else 0)

    @property
    def up(self) -> float:
        return HEIGHT / 2 + 4

    @property
    def reach(self) -> float:
        return height_of(self.view) - HEIGHT / 2

    @property
    def down(self) -> float:
        return self.reach + (DROP + BACK_HEIGHT if self.has_back else 0)

    @property
    def has_back(self) -> bool:
        return self.view.back is not None or self.view.is_turn

    @property
    def was_reached(self) -> bool:
        return self.view.was_reached

    def draw(self, x: float, y: float, lane: float) -> Iterator[SafeString]:
        view, width = self.view, width_of(self.view)
        if view.back is not None:
            top = lane - BACK_HEIGHT / 2
            middle = x + width / 2
            turn = "turn" if view.is_turn else "turn would" if view.back.order else "turn quiet"
            yield svg.line([(middle, y + self.reach), (middle, top)], turn)
            yield draw_back(view.back, x, top, width)
        elif view.is_turn:
            yield svg.line([(x + width / 2, y + self.reach), (x + width / 2, lane)], "turn")
        yield draw_forward(view, x, y - HEIGHT / 2)
        if self.is_pivot:
            gate = x + width + GATE - 9
            yield svg.line([(x + width, y), (gate - 9, y)], f"link {_tone(self.is_passed)}")
            yield draw_gate(gate, y, y - self.up, max(y + self.reach, lane), self.is_passed)

    @property
    def is_passed(self) -> bool:
        return self.view.tone == "done"

    def ends(self, x: float) -> Ends | None:
        back = self.view.back
        if back is None:
            middle = x + width_of(self.view) / 2
            return (middle, middle, "back") if self.view.is_turn else None
        return x, x + width_of(self.view), "would" if back.order else _of_lane(back.tone)


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after the other; none at all is a way that does nothing."""

    parts: Sequence[Part]

    @property
    def width(self) -> float:
        gaps = GAP * max(len(self.parts) - 1, 0)
        return sum(part.width for part in self.parts) + gaps if self.parts else GAP

    @property
    def up(self) -> float:
        return max((part.up for part in self.parts), default=12.0)

    @property
    def reach(self) -> float:
        return max((part.reach for part in self.parts), default=8.0)

    @property
    def down(self) -> float:
        within = max((part.down for part in self.parts), default=12.0)
        return max(within, self.lane + BACK_HEIGHT / 2) if self.has_back else within

    @property
    def lane(self) -> float:
        """Below the line."""
        singles = [part.reach for part in self.parts if isinstance(part, StepPart)]
        return max(singles, default=HEIGHT / 2) + DROP + BACK_HEIGHT / 2

    @property
    def has_back(self) -> bool:
        return any(part.has_back for part in self.parts)

    @property
    def was_reached(self) -> bool:
        return any(part.was_reached for part in self.parts)

    def draw(self, x: float, y: float, lane: float) -> Iterator[SafeString]:
        """`lane` is that of the row around it; this one has its own."""
        own = y + self.lane
        if not self.parts:
            yield svg.line([(x, y), (x + self.width, y)], "link idle")
        for number, part in enumerate(self.parts):
            if number:
                yield svg.arrow((x - GAP + 3, y), (x - 3, y), _tone(part.was_reached))
            yield from part.draw(x, y, own)
            x += part.width + GAP

    def ends(self, x: float) -> Ends | None:
        found = list(self.in_lane(x))
        return (found[0][0], found[-1][1], found[0][2]) if found else None

    def in_lane(self, x: float) -> Iterator[Ends]:
        for part in self.parts:
            if ends := part.ends(x):
                yield ends
            x += part.width + GAP

    def draw_lane(self, x: float, y: float) -> Iterator[SafeString]:
        """The arrows of the way back, from right to left."""
        lane = y + self.lane
        found = list(self.in_lane(x))
        for (_, left_end, tone), (right_end, _, _) in zip(found, found[1:], strict=False):
            yield svg.arrow((right_end - 3, lane), (left_end + 3, lane), tone)


@dataclass(frozen=True, slots=True)
class Fork:
    """Ways side by side: all of them between two bars, or one of them behind a diamond."""

    rows: Sequence[Row]
    labels: Sequence[str] = field(default=())
    asks: str = ""
    """What decides which way is taken; empty if all are."""
    is_first_of: bool = False
    taken: int | None = None

    @property
    def head(self) -> float:
        return BAR if not self.asks else 2 * DIAMOND

    @property
    def lead(self) -> float:
        """From the head to the ways."""
        longest = max((len(label) for label in self.labels), default=0)
        return GAP + min(longest, 18) * 5.6 if self.labels else GAP

    @property
    def width(self) -> float:
        return self.head + self.lead + max(row.width for row in self.rows) + GAP + BAR

    @property
    def height(self) -> float:
        apart = APART * (len(self.rows) - 1)
        return sum(row.up + row.down for row in self.rows) + apart

    @property
    def up(self) -> float:
        return max(self.height / 2, self.rows[0].up)

    @property
    def down(self) -> float:
        return max(self.height - self.up, DIAMOND + LABEL if self.asks else 0)

    @property
    def reach(self) -> float:
        return self.down

    @property
    def has_back(self) -> bool:
        return any(row.has_back for row in self.rows)

    @property
    def was_reached(self) -> bool:
        return self.taken is not None or any(row.was_reached for row in self.rows)

    def ends(self, x: float) -> Ends | None:
        found = [ends for row in self.rows if (ends := row.ends(x))]
        if not found:
            return None
        return x, x + self.width, found[0][2]

    def draw(self, x: float, y: float, lane: float) -> Iterator[SafeString]:
        top = y - self.up
        start, end = x + self.head + self.lead, x + self.width - BAR
        yield from self._draw_bars(x, y, top)
        line = top
        for number, row in enumerate(self.rows):
            line += row.up
            tone = _tone(row.was_reached or number == self.taken)
            yield from self._draw_way_in(x, y, line, start, number, tone)
            yield from row.draw(start, line, line)
            yield from row.draw_lane(start, line)
            yield svg.arrow((start + row.width + 3, line), (end - 2, line), tone)
            yield from self._draw_back(row, x, start, end, line + row.lane, lane)
            line += row.down + APART

    def _draw_bars(self, x: float, y: float, top: float) -> Iterator[SafeString]:
        tone = "reached" if self.was_reached else "idle"
        bottom = top + self.height
        right = x + self.width - BAR
        yield svg.rectangle(right, top + 6, BAR, bottom - top - 12, f"bar {tone}", 3)
        if not self.asks:
            yield svg.rectangle(x, top + 6, BAR, bottom - top - 12, f"bar {tone}", 3)
            return
        middle = x + DIAMOND
        if self.is_first_of:
            shape = svg.element("circle", cx=middle, cy=y, r=DIAMOND - 3, class_="bx")
        else:
            points = (
                f"M{x} {y}L{middle} {y - DIAMOND}L{x + 2 * DIAMOND} {y}L{middle} {y + DIAMOND}z"
            )
            shape = svg.path(points, "bx")
        sign = svg.text(middle, y + 5, "1" if self.is_first_of else "?", "nm", "middle")
        asked = svg.text(middle, y + DIAMOND + 15, plain(self.asks, 22), "nt", "middle")
        named = svg.element("title", self.asks)
        yield svg.element("g", [named, shape, sign, asked], class_=f"fork {tone}")

    def _draw_way_in(
        self, x: float, y: float, line: float, start: float, number: int, tone: str
    ) -> Iterator[SafeString]:
        left = x + self.head
        if not self.asks:
            yield svg.arrow((left + 2, line), (start - 3, line), tone)
            return
        bend = left + 10
        yield svg.line([(left, y), (bend, y), (bend, line)], f"link {tone}")
        yield svg.arrow((bend, line), (start - 3, line), tone)
        if self.labels:
            yield svg.text(bend + 5, line - 6, plain(self.labels[number], 18), "nt")

    def _draw_back(
        self, row: Row, x: float, start: float, end: float, own: float, lane: float
    ) -> Iterator[SafeString]:
        """`own` is the lane of that way, `lane` that of the row around."""
        ends = row.ends(start)
        if ends is None:
            return
        yield svg.arrow((end - 2, own), (ends[1] + 3, own), ends[2])
        if not self.asks:
            yield svg.arrow((ends[0] - 3, own), (x + self.head + 2, own), ends[2])
            return
        bend = x + self.head + 10
        points = [(ends[0] - 3, own), (bend, own), (bend, lane), (x, lane)]
        yield svg.line(points, f"turn {ends[2]}")


def _tone(was_reached: bool) -> str:
    return "reached" if was_reached else "idle"


def _of_lane(tone: str) -> str:
    return "idle" if "due" in tone.split() else "back"
