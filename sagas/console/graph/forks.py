"""Ways side by side: the branches of a Parallel, the ways of a Choice, the members of a FirstOf."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils.safestring import SafeString

from sagas.console import svg
from sagas.console.graph.parts import GAP, Ends, Row, tone_of
from sagas.console.words import plain

# All in pixels.
APART: Final = 20.0
"""Between ways."""
BAR: Final = 6.0
DIAMOND: Final = 20.0
"""Half of it."""
LABEL: Final = 26.0
"""Below the diamond: what it asks."""


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
        return GAP + self.bend + min(longest, 18) * 5.8 if self.asks else GAP

    @property
    def bend(self) -> float:
        """From the head to where the ways part: right of what is written below the head."""
        return max(10.0, min(len(self.asks), 22) * 3.2 - DIAMOND + 8)

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

    @property
    def is_done(self) -> bool:
        ends = [self._is_past(number) for number in range(len(self.rows))]
        return any(ends) if self.asks else all(ends)

    def _is_past(self, number: int) -> bool:
        """Whether that way is done; one that does nothing is, once it is taken."""
        row = self.rows[number]
        return row.is_done or (number == self.taken and not row.parts)

    def ends(self, x: float) -> Ends | None:
        found = [ends for row in self.rows if (ends := row.ends(x))]
        if not found:
            return None
        arrives = next((ends.arrives for ends in found if ends.arrives == "back"), found[0].arrives)
        leaves = {ends.leaves for ends in found}
        return Ends(x, x + self.width, arrives, leaves.pop() if len(leaves) == 1 else "idle")

    def draw(self, x: float, y: float, lane: float) -> Iterator[SafeString]:
        top = y - self.up
        start, end = x + self.head + self.lead, x + self.width - BAR
        yield from self._draw_bars(x, y, top)
        line = top
        for number, row in enumerate(self.rows):
            line += row.up
            tone = tone_of(row.was_reached or number == self.taken)
            yield from self._draw_way_in(x, y, line, start, number, tone)
            yield from row.draw(start, line, line)
            yield from row.draw_lane(start, line)
            past = tone_of(self._is_past(number))
            yield svg.arrow((start + row.width + 3, line), (end - 2, line), past)
            yield from self._draw_back(row, x, start, end, line + row.lane, lane)
            line += row.down + APART

    def _draw_bars(self, x: float, y: float, top: float) -> Iterator[SafeString]:
        tone, past = tone_of(self.was_reached), tone_of(self.is_done)
        bottom = top + self.height
        right = x + self.width - BAR
        yield svg.rectangle(right, top + 6, BAR, bottom - top - 12, f"bar {past}", 3)
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
        bend = left + self.bend
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
        if ends.arrives:
            yield svg.arrow((end - 2, own), (ends.right + 3, own), ends.arrives)
        if not self.asks:
            yield svg.arrow((ends.left - 3, own), (x + self.head + 2, own), ends.leaves)
            return
        bend = x + self.head + self.bend
        points = [(ends.left - 3, own), (bend, own), (bend, lane), (x, lane)]
        yield svg.line(points, f"turn {ends.leaves}")
