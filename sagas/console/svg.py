"""SVG as text: well-formed, with whatever is written in it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

NAMESPACE: Final = "http://www.w3.org/2000/svg"

NOTHING: Final = SafeString("")


def element(name: str, inside: str | Iterable[str] = (), **attributes: Any) -> SafeString:
    """An element, its text or parts escaped unless they are safe. `class_` is the attribute
    `class`; `_` in any other name is `-`. What is None is left out."""
    within = [inside] if isinstance(inside, str) else inside
    return format_html(
        "<{0}{1}>{2}</{0}>",
        SafeString(name),
        format_html_join("", ' {}="{}"', _written(attributes)),
        mark_safe("".join(map(conditional_escape, within))),  # noqa: S308  (each is escaped)
    )


def _written(attributes: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in attributes.items():
        if value is not None:
            written = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
            yield SafeString(_name(name)), written


def _name(name: str) -> str:
    if name in ("class_", "viewBox"):
        return name.rstrip("_")
    return name.replace("_", "-")


def rectangle(
    x: float, y: float, width: float, height: float, class_: str, rx: int = 8
) -> SafeString:
    place = {"x": float(x), "y": float(y), "width": float(width), "height": float(height)}
    return element("rect", (), rx=rx, class_=class_, **place)


def text(x: float, y: float, said: str, class_: str, anchor: str | None = None) -> SafeString:
    return element("text", said, x=float(x), y=float(y), class_=class_, text_anchor=anchor)


def path(drawn: str, class_: str) -> SafeString:
    return element("path", d=drawn, class_=class_)


def line(points: Iterable[tuple[float, float]], class_: str) -> SafeString:
    return path("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_)


def arrow(start: tuple[float, float], end: tuple[float, float], class_: str) -> SafeString:
    """A level line with a head at its end."""
    (x, y), (to, _) = start, end
    back = -7 if to > x else 7
    head = f"M{to + back:.1f} {y - 4:.1f}L{to:.1f} {y:.1f}L{to + back:.1f} {y + 4:.1f}z"
    inner = to + back / 2
    return element(
        "g", [line([start, (inner, y)], "ln"), path(head, "hd")], class_=f"edge {class_}"
    )
