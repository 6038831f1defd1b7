"""The shapes of single steps: a box with its name, the cells of its children, its way back."""

from collections.abc import Iterator
from typing import Final

from django.utils.safestring import SafeString

from sagas.console import svg
from sagas.console.graph.standing import Cell, StepView, WayBackOfStep
from sagas.console.words import number, plain

# All in pixels.
HEIGHT: Final = 54.0
BACK_HEIGHT: Final = 42.0
DROP: Final = 24.0
"""Between the way forward and the way back."""
PADDING: Final = 13.0
CHARACTER: Final = 8.2
"""Of a name, on average: nobody measures it here."""
SMALL_CHARACTER: Final = 6.5
NARROWEST: Final = 128.0
WIDEST: Final = 244.0
CELL: Final = 12.0
CELL_STEP: Final = 15.0
CELLS_TOP: Final = 50.0
GATE: Final = 30.0
"""What stands behind a pivot."""


def width_of(view: StepView) -> float:
    """Wide enough for its names and notes, within limits."""
    lines = [
        (f"{view.sign} {view.name}", CHARACTER),
        (view.note, SMALL_CHARACTER),
    ]
    if view.back is not None:
        badge = "   " if view.back.order else ""
        lines += [(f"{view.back.sign} {view.back.name}{badge}", CHARACTER)]
        lines += [(view.back.note, SMALL_CHARACTER)]
    wanted = max(len(said) * size for said, size in lines) + 2 * _inset(view)
    if view.cells:
        wanted = max(wanted, min(12, len(view.cells)) * CELL_STEP + 2 * PADDING)
    return min(max(wanted, NARROWEST), WIDEST)


def height_of(view: StepView) -> float:
    if not view.cells:
        return HEIGHT
    rows = -(-len(view.cells) // _in_a_row(view))
    return CELLS_TOP + rows * CELL_STEP + (18 if view.more_cells else 8)


def draw_forward(view: StepView, x: float, y: float) -> SafeString:
    """The box whose upper left corner is there."""
    width, height = width_of(view), height_of(view)
    parts = [svg.element("title", view.said)]
    if view.is_family:
        parts.append(svg.rectangle(x + 4, y - 4, width - 8, 12, "bx behind", 8))
    parts.append(svg.rectangle(x, y, width, height, "bx", 27 if _is_wait(view) else 9))
    inset = _inset(view)
    parts += _texts(view.sign, view.name, view.note, x + inset, y + 23, width - 2 * inset)
    shape: SafeString = svg.element("g", parts, role="img", aria_label=view.said)
    if view.url:
        shape = svg.element("a", [shape], href=view.url)
    cells = list(_cells(view, x, y))
    inside = f"step {view.tone}"
    return svg.element("g", [shape, *cells], class_=inside, data_step=view.name)


def draw_back(back: WayBackOfStep, x: float, y: float, width: float) -> SafeString:
    """Its way back; in outline, with its place in the order, while it is only what would be."""
    outline = " would" if back.order else ""
    parts = [svg.rectangle(x, y, width, BACK_HEIGHT, "bx", 8)]
    room = width - 2 * PADDING - (22 if back.order else 0)
    top = y + (18 if back.note else 26)
    parts += _texts(back.sign, back.name, back.note, x + PADDING, top, room, between=16)
    if back.order:
        parts.append(svg.element("circle", cx=x + width - 18, cy=y + 21, r=9, class_="order"))
        parts.append(svg.text(x + width - 18, y + 25, str(back.order), "nr", "middle"))
    return svg.element("g", parts, class_=f"undo {back.tone}{outline}")


def draw_gate(x: float, y: float, top: float, bottom: float, is_passed: bool) -> SafeString:
    """Behind a pivot: a line that has no way back."""
    diamond = f"M{x:.1f} {y - 9:.1f}L{x + 9:.1f} {y:.1f}L{x:.1f} {y + 9:.1f}L{x - 9:.1f} {y:.1f}z"
    parts = [svg.line([(x, top), (x, bottom)], "ln"), svg.path(diamond, "gt")]
    return svg.element("g", parts, class_="gate passed" if is_passed else "gate")


def _texts(
    sign: str, name: str, note: str, x: float, y: float, room: float, between: float = 17
) -> Iterator[SafeString]:
    named = f"{sign} {name}" if sign else name
    yield svg.text(x, y, plain(named, int(room / CHARACTER + 1)), "nm")
    if note:
        yield svg.text(x, y + between, plain(note, int(room / SMALL_CHARACTER + 1)), "nt")


def _inset(view: StepView) -> float:
    return PADDING + (6 if _is_wait(view) else 0)


def _is_wait(view: StepView) -> bool:
    return view.kind in ("WaitFor", "Sleep")


def _in_a_row(view: StepView) -> int:
    return int((width_of(view) - 2 * PADDING + CELL_STEP - CELL) // CELL_STEP)


def _cells(view: StepView, x: float, y: float) -> Iterator[SafeString]:
    in_a_row = _in_a_row(view)
    for place, cell in enumerate(view.cells):
        left = x + PADDING + place % in_a_row * CELL_STEP
        top = y + CELLS_TOP + place // in_a_row * CELL_STEP
        yield _cell(cell, left, top)
    if view.more_cells:
        rows = -(-len(view.cells) // in_a_row)
        said = f"+ {number(view.more_cells)}"
        yield svg.text(x + PADDING, y + CELLS_TOP + rows * CELL_STEP + 11, said, "nt")


def _cell(cell: Cell, x: float, y: float) -> SafeString:
    parts = [
        svg.element("title", cell.label),
        svg.rectangle(x, y, CELL, CELL, "bx", 3),
        svg.text(x + CELL / 2, y + 9.5, cell.sign, "cs", "middle"),
    ]
    link = svg.element("a", parts, href=cell.url, aria_label=cell.label)
    return svg.element("g", [link], class_=f"cell {cell.tone}")
