"""The steps of one saga as they stand in its definition, filled as it goes: SVG."""

from collections.abc import Iterator, Mapping

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from sagas.console import svg
from sagas.console.graph.forks import APART, Fork
from sagas.console.graph.parts import GAP, Part, Row, StepPart
from sagas.console.graph.standing import StepView
from sagas.machine import Choice, FirstOf, Parallel, Pivot, Saga
from sagas.machine.tree import InOrder, Node

MARGIN = 16.0
WIDEST = 1180.0
"""Pixels after which the steps go on in another row."""


def graph(definition: Saga, views: Mapping[str, StepView], chosen: Mapping[str, str]) -> SafeString:
    """`views` has each step of the definition, `chosen` the way of each choice that was made."""
    parts = [_part(node, views, chosen) for node in _flat(definition.body)]
    rows = [Row(each) for each in _wrapped(parts)]
    width = max(row.width for row in rows) + 2 * MARGIN + (2 * GAP if len(rows) > 1 else 0)
    drawn: list[SafeString] = []
    y = MARGIN
    for number, row in enumerate(rows):
        y += row.up
        drawn += _draw_row(row, y, number, len(rows))
        y += row.down + APART
    height = y - APART + MARGIN
    return svg.element(
        "svg",
        drawn,
        xmlns=svg.NAMESPACE,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="group",
        aria_label=_("Steps of %s") % definition.saga_type,
        class_="graph",
    )


def _draw_row(row: Row, y: float, number: int, rows: int) -> Iterator[SafeString]:
    """With a stub of an arrow where it goes on."""
    x = MARGIN + (GAP if rows > 1 else 0)
    reached = "reached" if row.was_reached else "idle"
    if number:
        yield svg.arrow((x - GAP, y), (x - 3, y), reached)
    yield from row.draw(x, y, y)
    yield from row.draw_lane(x, y)
    if number < rows - 1:
        end = x + row.width
        yield svg.arrow((end + 3, y), (end + GAP, y), reached)


def _wrapped(parts: list[Part]) -> Iterator[list[Part]]:
    """As many to a row as fit, one at least."""
    row: list[Part] = []
    width = 0.0
    for part in parts:
        if row and width + GAP + part.width > WIDEST:
            yield row
            row, width = [], 0.0
        width += part.width + (GAP if row else 0)
        row.append(part)
    yield row


def _flat(nodes: InOrder) -> Iterator[Node]:
    """A list of steps within a list of steps is more of the same."""
    for node in nodes.nodes:
        if isinstance(node, InOrder):
            yield from _flat(node)
        else:
            yield node


def _part(node: Node, views: Mapping[str, StepView], chosen: Mapping[str, str]) -> Part:
    match node:
        case InOrder():
            return Row([_part(each, views, chosen) for each in _flat(node)])
        case Parallel(branches=branches):
            return Fork([_row(branch, views, chosen) for branch in branches])
        case FirstOf(name=name, ways=ways):
            rows = [_row(way, views, chosen) for way in ways.values()]
            return Fork(rows, asks=name, is_first_of=True)
        case Choice() if node.is_of_step:
            return _part(node.ways[next(iter(node.ways))], views, chosen)
        case Choice():
            return _choice(node, views, chosen)
        case _:
            return StepPart(views[node.name], isinstance(node, Pivot))


def _row(node: Node, views: Mapping[str, StepView], chosen: Mapping[str, str]) -> Row:
    found = _part(node, views, chosen)
    return found if isinstance(found, Row) else Row([found])


def _choice(node: Choice, views: Mapping[str, StepView], chosen: Mapping[str, str]) -> Fork:
    rows = [_row(way, views, chosen) for way in node.ways.values()]
    labels = [label.strip('"') for label in node.ways]
    names = list(node.ways)
    if not node.takes_something:
        rows, labels, names = [*rows, Row([])], [*labels, _("else")], [*names, ""]
    way = chosen.get(node.name)
    taken = names.index(way) if way in names else None
    return Fork(rows, labels, asks=node.on, taken=taken)
