"""What is in a picture, as numbers."""

from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

SVG: Final = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: "Box") -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def overlaps(self, other: "Box") -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


@dataclass(frozen=True, slots=True)
class Drawn:
    width: float
    height: float
    shapes: list[Box]
    arrows: list[tuple[float, float]]
    """Where each of them points."""


def drawn(text: str) -> Drawn:
    root = ElementTree.fromstring(text)
    shapes: list[Box] = []
    arrows = []
    for element in root:
        if element.tag == f"{SVG}rect":
            x, y, width, height = (float(element.attrib[name]) for name in RECTANGLE)
            box = Box(x, y, x + width, y + height)
            if not (shapes and shapes[-1].holds(box)):  # the inner one of a double frame
                shapes.append(box)
        elif element.tag == f"{SVG}polygon":
            points = [
                tuple(map(float, each.split(","))) for each in element.attrib["points"].split()
            ]
            if "fill" in element.attrib:
                arrows.append((points[-1][0], points[-1][1]))
                continue
            columns, rows = zip(*points, strict=True)
            shapes.append(Box(min(columns), min(rows), max(columns), max(rows)))
    return Drawn(float(root.attrib["width"]), float(root.attrib["height"]), shapes, arrows)


RECTANGLE: Final = ("x", "y", "width", "height")


def texts(text: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(text).iter(f"{SVG}text")]
