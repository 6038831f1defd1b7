"""The picture of a definition: what it shows, and that nothing lies upon anything else."""

from xml.etree import ElementTree

import pytest

from sagas import Choice, FirstOf, Parallel, Repeat, Saga, Sleep, SubSaga, WaitFor
from sagas.machine.tree import Way
from sagas.whatif.picture import picture
from tests.machine.conversation import step
from tests.machine.drawn import Box, drawn, texts


def pictured(*steps: Way) -> str:
    return picture(Saga("order", list(steps)))


def test_it_shows_each_step_its_compensation_and_the_cases() -> None:
    way = Choice("c", "paid.by", {"card": step("a"), "a & <b>": [], True: WaitFor("cash")})
    shown = texts(pictured(way, step("z", pivot=True)))
    assert shown == [
        *("start", "paid.by", "card", "a", "↺ nothing", "a & <b>", "true"),
        *("cash", "signal", "else", "z", "↺ nothing", "completed"),
    ]


def test_it_shows_what_is_first() -> None:
    assert texts(pictured(FirstOf("f", WaitFor("paid"), Sleep("s", 60)))) == [
        *("start", "first of", "paid", "signal", "s", "sleep 0:01:00", "completed")
    ]


def test_it_shows_what_is_repeated() -> None:
    assert texts(pictured(Repeat("r", [step("a", undo=False)], until="paid", most=3))) == [
        *("start", "r", "again until paid, 3 times at most", "a", "paid?", "completed")
    ]


@pytest.mark.parametrize(
    "steps",
    [
        [step("a")],
        [step("a"), step("b" * 60), SubSaga("c")],
        [Parallel(step("a"), [step("b"), step("c")], Parallel(step("d"), step("e")))],
        [Choice("c", "x", {"a long case, longer than its step": step("a"), 1: []}), step("z")],
        [
            Repeat(
                "r",
                [Repeat("s", [step("a"), Parallel(step("b"), step("c"))], until="x", most=2)],
                until="paid",
                most=3,
            ),
            step("z"),
        ],
        [Choice("c", "x" * 90, {1: Choice("d", "y", {1: step("a"), 2: step("b")})})],
    ],
)
def test_nothing_lies_upon_anything_else(steps: list[Way]) -> None:
    assert_clear(pictured(*steps))


def assert_clear(text: str) -> None:
    """Shapes do not overlap, and are within the picture; each arrow ends at a shape's top."""
    found = drawn(text)
    whole = Box(0, 0, found.width, found.height)
    for number, shape in enumerate(found.shapes):
        assert whole.holds(shape)
        assert not [other for other in found.shapes[:number] if shape.overlaps(other)]
    for x, y in found.arrows:
        [below] = [
            shape
            for shape in found.shapes
            if shape.top == pytest.approx(y, abs=0.2) and shape.left <= x <= shape.right
        ]
        assert x == pytest.approx((below.left + below.right) / 2, abs=0.2)
    assert len(found.arrows) == len(found.shapes) - 1, "each shape but the first is pointed at"


def test_it_takes_the_colours_of_the_page_and_has_no_empty_line() -> None:
    """An empty line would end the block of HTML in a Markdown page."""
    text = pictured(step("a"))
    assert ElementTree.fromstring(text).get("stroke") == "currentColor"
    assert "" not in text.rstrip("\n").split("\n")
    assert "#" not in text
