"""A definition as a picture: SVG, drawn from top to bottom, which needs no script and no network.

Its lines and texts have the colour of the text around it, so it fits a light page and a dark one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final, Protocol

from sagas.machine.definition import Saga
from sagas.machine.family_steps import ForEach, Repeat, Step, SubSaga
from sagas.machine.steps import Pivot, SagaStep
from sagas.machine.tree import Choice, FirstOf, InOrder, Node, Parallel
from sagas.whatif.graph import lines_of

# All in pixels.
CHARACTER: Final = 6.8
"""Of the text, on average: nobody measures it here, so shapes are a little wider than they need."""
LINE: Final = 16.0
PADDING: Final = 12.0
GAP: Final = 24.0
"""Between what stands below each other."""
APART: Final = 20.0
"""Between what stands beside each other."""
FORK: Final = 10.0
"""From where ways part to where they go down; the same where they meet again."""
DROP: Final = 22.0
"""From there to the first step of a way: room for what is written at it."""
MARGIN: Final = 8.0

HEAD: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}"'
    ' viewBox="0 0 {width:.0f} {height:.0f}" fill="none" stroke="currentColor"'
    ' font-family="sans-serif" font-size="12">'
)


def picture(definition: Saga) -> str:
    """The steps of a saga as an SVG element, whose lines are never empty."""
    start, end = _Shape(("start",), "pill"), _Shape(("completed",), "pill")
    whole = _Column((start, _part(definition.body), end))
    width, height = whole.width + 2 * MARGIN, whole.height + 2 * MARGIN
    lines = [
        HEAD.format(width=width, height=height),
        f"<title>The steps of {escape(definition.saga_type)}</title>",
        *whole.draw(width / 2, MARGIN),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


class _Part(Protocol):
    """What has a size, and can be drawn below the middle of its upper edge."""

    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...
    @property
    def is_shape_first(self) -> bool:
        """Whether an arrow can point at its upper edge."""

    def draw(self, x: float, y: float) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True)
class _Shape:
    lines: tuple[str, ...]
    kind: str
    """`box`, `double`, `pill`, `pivot` or `diamond`."""

    is_shape_first = True

    @property
    def width(self) -> float:
        slant = LINE if self.kind in ("pivot", "diamond") else 0
        return max(map(len, self.lines)) * CHARACTER + 2 * PADDING + 2 * slant

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + PADDING + (PADDING if self.kind == "diamond" else 0)

    def draw(self, x: float, y: float) -> Iterator[str]:
        left, right, below, middle = (
            x - self.width / 2,
            x + self.width / 2,
            y + self.height,
            y + self.height / 2,
        )
        match self.kind:
            case "diamond":
                yield _polygon((x, y), (right, middle), (x, below), (left, middle))
            case "pivot":
                inner, outer = left + LINE, right - LINE
                upper, lower = [(inner, y), (outer, y)], [(outer, below), (inner, below)]
                yield _polygon(*upper, (right, middle), *lower, (left, middle))
            case _:
                yield _rectangle(left, y, self.width, self.height, self.kind == "pill")
        if self.kind == "double":
            yield _rectangle(left + 4, y, self.width - 8, self.height)
        first = middle - (len(self.lines) - 1) * LINE / 2 + 4
        for number, line in enumerate(self.lines):
            yield _text(x, first + number * LINE, line, "middle")


@dataclass(frozen=True, slots=True)
class _Column:
    """Parts below each other; none at all is a way that does nothing."""

    parts: tuple[_Part, ...]

    @property
    def width(self) -> float:
        return max((part.width for part in self.parts), default=0)

    @property
    def height(self) -> float:
        return sum(part.height for part in self.parts) + GAP * max(len(self.parts) - 1, 0)

    @property
    def is_shape_first(self) -> bool:
        return bool(self.parts) and self.parts[0].is_shape_first

    def draw(self, x: float, y: float) -> Iterator[str]:
        for number, part in enumerate(self.parts):
            if number:
                yield from _line((x, y), (x, y + GAP), is_arrow=part.is_shape_first)
                y += GAP
            yield from part.draw(x, y)
            y += part.height


@dataclass(frozen=True, slots=True)
class _Fan:
    """Ways beside each other, each with what is written at it, that part and meet again."""

    head: _Shape | None
    ways: tuple[tuple[str, _Part], ...]

    @property
    def width(self) -> float:
        ways = sum(_room(*way) for way in self.ways) + APART * (len(self.ways) - 1)
        return max(ways, self.head.width if self.head else 0)

    @property
    def height(self) -> float:
        return self._above + max(way.height for _, way in self.ways) + FORK

    @property
    def is_shape_first(self) -> bool:
        return self.head is not None

    @property
    def _above(self) -> float:
        return (self.head.height if self.head else 0) + FORK + DROP

    def draw(self, x: float, y: float) -> Iterator[str]:
        if self.head:
            yield from self.head.draw(x, y)
        top, end = y + self._above, y + self.height
        left = x - (sum(_room(*way) for way in self.ways) + APART * (len(self.ways) - 1)) / 2
        for label, way in self.ways:
            room = _room(label, way)
            middle = left + room / 2
            fork = top - DROP
            yield from _line(
                (x, fork - FORK),
                (x, fork),
                (middle, fork),
                (middle, top),
                is_arrow=way.is_shape_first,
            )
            if label:
                yield _text(middle + 5, top - 7, label, "start")
            yield from way.draw(middle, top)
            yield from _line((middle, top + way.height), (middle, end), (x, end))
            left += room + APART


def _room(label: str, way: _Part) -> float:
    """The width of a way; what is written at it stands to the right of its line."""
    return max(way.width, 2 * (len(label) * CHARACTER + 6), 2 * PADDING)


def _part(node: Node) -> _Part:
    match node:
        case InOrder(nodes=nodes):
            return _Column(tuple(map(_part, nodes)))
        case Parallel(branches=branches):
            return _Fan(None, tuple(("", _part(branch)) for branch in branches))
        case FirstOf(ways=ways):
            return _Fan(
                _Shape(("first of",), "diamond"), tuple(("", _part(way)) for way in ways.values())
            )
        case Choice(on=on, ways=ways):
            drawn = [(label.strip('"'), _part(way)) for label, way in ways.items()]
            if not node.takes_something:
                drawn.append(("else", _Column(())))
            return _Fan(_Shape((on,), "diamond"), tuple(drawn))
        case Repeat(steps=steps, said=said):
            first, last = _Shape(tuple(lines_of(node)), "double"), _Shape((f"{said}?",), "diamond")
            return _Column((first, _part(InOrder(steps)), last))
        case _:
            return _Shape(tuple(lines_of(node)), _kind(node))


def _kind(step: Step) -> str:
    match step:
        case Pivot():
            return "pivot"
        case SagaStep():
            return "box"
        case SubSaga() | ForEach():
            return "double"
        case _:
            return "pill"


Point = tuple[float, float]


def _polygon(*points: Point) -> str:
    return f'<polygon points="{_points(points)}"/>'


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _rectangle(x: float, y: float, width: float, height: float, is_round: bool = False) -> str:
    radius = height / 2 if is_round else 3
    size = f'width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor" stroke="none">{escape(text)}</text>'


def _line(*points: Point, is_arrow: bool = False) -> Iterator[str]:
    """A line through points; its arrow points down."""
    yield f'<polyline points="{_points(points)}"/>'
    if is_arrow:
        x, y = points[-1]
        head = _points(((x - 4, y - 7), (x + 4, y - 7), (x, y)))
        yield f'<polygon points="{head}" fill="currentColor"/>'
