"""The graph and the waterfall: well-formed, with all that there is, in every state."""

import re
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree

import pytest

from examples.gallery.page import examples
from sagas import Choice, FirstOf, ForEach, Parallel, Saga, SagaStep, WaitFor
from sagas.console.graph import graph
from sagas.console.graph.standing import Told
from sagas.console.graph.views import views
from sagas.console.one import drawn
from sagas.console.reading import snapshot
from sagas.console.waterfall import waterfall
from sagas.queries import OPERATOR
from tests.console import scenes
from tests.console.shop import sagas as shop

SVG: Final = "{http://www.w3.org/2000/svg}"
DEFINITIONS: Final = [saga for example in examples() for saga in example.sagas] + [*shop.ALL]


def untouched(saga: Saga) -> str:
    """The graph of an execution that has not begun."""
    described = {
        "saga_id": "a",
        "error": None,
        "steps": [
            {
                "name": name,
                "kind": type(step).__name__,
                "status": "pending",
                "effect": "none",
                "attempts": 0,
                "compensation_attempts": 0,
                "due_at": None,
                "until": None,
                "children": None,
                "error": None,
                "left_out": False,
            }
            for name, step in saga.by_name.items()
        ],
    }
    found = views(described, saga, Told({}, {}), None, {}, datetime.now(UTC))
    return graph(saga, found, {})


def require_whole(text: str, saga: Saga) -> None:
    """Well-formed; each step is there once, is told in words, and is within the picture."""
    root = ElementTree.fromstring(text)
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    steps = [each for each in root.iter(f"{SVG}g") if each.get("data-step")]
    assert [each.get("data-step") for each in steps] == [*saga.by_name]
    for step in steps:
        [said] = [each for each in step.iter(f"{SVG}g") if each.get("role") == "img"]
        assert (said.get("aria-label") or "").startswith(step.get("data-step") or "?")
        title = said.find(f"{SVG}title")
        assert title is not None
        assert title.text == said.get("aria-label")
    boxes = [_box(each) for each in root.iter(f"{SVG}rect")]
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    assert root.get("aria-label")
    assert " style=" not in text, "no style of its own: the page's policy forbids it"


def _box(shape: ElementTree.Element) -> tuple[float, float, float, float]:
    x, y, width, height = (float(shape.get(name) or 0) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


@pytest.mark.parametrize("saga", DEFINITIONS, ids=lambda saga: saga.saga_type)
def test_the_graph_of_each_definition_is_whole(saga: Saga) -> None:
    require_whole(untouched(saga), saga)


@pytest.mark.parametrize("saga", DEFINITIONS, ids=lambda saga: saga.saga_type)
def test_no_step_stands_on_another(saga: Saga) -> None:
    root = ElementTree.fromstring(untouched(saga))
    steps = [each for each in root.iter(f"{SVG}g") if each.get("data-step")]
    boxes = []
    for step in steps:
        shapes = [_box(each) for each in step.iter(f"{SVG}rect")]
        boxes.append(max(shapes, key=lambda box: box[3] - box[1]))
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:number]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart


def act(context: object) -> None: ...


def test_groups_in_groups_are_whole() -> None:
    inner = Parallel(SagaStep("c", act, act), [SagaStep("d", act), WaitFor("e")])
    way = Choice("way", "key.of<it>", {"<b>": [SagaStep("f", act), inner], 7: []})
    first = FirstOf("first", WaitFor("x"), WaitFor("y"))
    saga = Saga("deep", [Parallel([SagaStep("a", act), way], [ForEach("b", over="i", action=act)])])
    require_whole(untouched(saga), saga)
    require_whole(untouched(Saga("wait", [first])), Saga("wait", [first]))


def test_a_long_saga_goes_on_in_other_rows() -> None:
    saga = Saga("long", [SagaStep(f"step_{number}", act, act) for number in range(200)])
    text = untouched(saga)
    require_whole(text, saga)
    width = float(re.findall(r'viewBox="0 0 (\d+)', text)[0])
    assert width < 1400


STATES: Final = {
    "retrying": scenes.retrying,
    "completed": scenes.completed,
    "turning back": scenes.turning_back,
    "undone": scenes.undone,
    "stuck": scenes.stuck,
    "waiting": scenes.waiting,
    "paused": scenes.paused,
    "fan out": scenes.fan_out,
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", STATES)
def test_it_is_whole_in_every_state(state: str) -> None:
    STATES[state]("order-1")
    shown = snapshot("order-1", OPERATOR)
    assert shown.definition is not None
    require_whole(drawn(shown), shown.definition)
    times = ElementTree.fromstring(waterfall(shown.attempts, shown.now, shown.is_over))
    names = {each.text for each in times.iter(f"{SVG}text") if "lb" in (each.get("class") or "")}
    assert {track.step for track in shown.attempts.tracks} == {
        (name or "").removeprefix("↺ ") for name in names
    }


@pytest.mark.django_db(transaction=True)
def test_the_way_back_is_drawn_before_it_is_gone() -> None:
    scenes.retrying("order-1")
    text = drawn(snapshot("order-1", OPERATOR))
    assert text.count("would") > 0
    for name in ("refund", "unpack", "release_stock"):
        assert f"↺ {name}" in text
    assert "withdraw_label" not in text, "nothing of it has happened"
    shown = snapshot("order-1", OPERATOR)
    assert shown.back is not None
    assert [set(stage) for stage in shown.back.stages] == [
        {"charge_card", "pack"},
        {"reserve_stock"},
    ]
