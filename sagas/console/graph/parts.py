"""The layout: parts that know their size, and draw themselves around a line from left to right.

`up` and `down` are the room that a part needs above and below that line. Below it, in each row, is
the lane of the way back, from right to left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

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

# All in pixels.
GAP: Final = 32.0
"""Between two parts: room for an arrow."""


class Ends(NamedTuple):
    """Of what stands in the lane of the way back."""

    left: float
    right: float
    arrives: str
    """The tone of the arrow to its right end; empty if there is none, because it turns there."""
    leaves: str
    """That of the arrow from its left end."""


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
    @property
    def is_done(self) -> bool: ...

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

    @property
    def is_done(self) -> bool:
        return self.view.tone in ("done", "skip")

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
            gate, tone = x + width + GATE - 9, tone_of(self.is_done)
            yield svg.line([(x + width, y), (gate - 9, y)], f"link {tone}")
            yield draw_gate(gate, y, y - self.up, max(y + self.reach, lane), self.is_done)

    def ends(self, x: float) -> Ends | None:
        back, width = self.view.back, width_of(self.view)
        if back is None:
            middle = x + width / 2
            return Ends(middle, middle, "", "back") if self.view.is_turn else None
        arrives = "would" if back.order else "idle" if "due" in back.tone.split() else "back"
        leaves = "would" if back.order else "back" if back.tone == "back" else "idle"
        return Ends(x, x + width, arrives, leaves)


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

    @property
    def is_done(self) -> bool:
        return bool(self.parts) and self.parts[-1].is_done

    def draw(self, x: float, y: float, lane: float) -> Iterator[SafeString]:
        """`lane` is that of the row around it; this one has its own."""
        own = y + self.lane if self.has_back else y
        if not self.parts:
            yield svg.line([(x, y), (x + self.width, y)], "link idle")
        for number, part in enumerate(self.parts):
            if number:
                yield svg.arrow((x - GAP + 3, y), (x - 3, y), tone_of(part.was_reached))
            yield from part.draw(x, y, own)
            x += part.width + GAP

    def ends(self, x: float) -> Ends | None:
        found = list(self.in_lane(x))
        if not found:
            return None
        return Ends(found[0].left, found[-1].right, found[-1].arrives, found[0].leaves)

    def in_lane(self, x: float) -> Iterator[Ends]:
        for part in self.parts:
            if ends := part.ends(x):
                yield ends
            x += part.width + GAP

    def draw_lane(self, x: float, y: float) -> Iterator[SafeString]:
        """The arrows of the way back, from right to left."""
        lane = y + self.lane
        found = list(self.in_lane(x))
        for left, right in pairwise(found):
            if left.arrives:
                yield svg.arrow((right.left - 3, lane), (left.right + 3, lane), left.arrives)


def tone_of(was_reached: bool) -> str:
    return "reached" if was_reached else "idle"
