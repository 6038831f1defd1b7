"""What can be started, what each needs, and how it looks: over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from sagas import engine
from sagas.errors import BadInput
from sagas.machine import DefinitionError, Pivot, Saga, SagaStep, WaitFor
from sagas.machine.family_steps import ForEach
from sagas.registry import Registry
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)


def nothing(context: Any) -> None:
    """What each step does here."""


class Line(BaseModel):
    sku: str
    quantity: int


class Order(BaseModel):
    lines: list[Line]


@dataclass
class Parcel:
    weight: float


STEPS: list[Any] = [
    SagaStep("reserve", nothing, nothing),
    ForEach("pack", over="lines", action=nothing),
    WaitFor("approved", form={"type": "boolean"}),
    Pivot("hand_over", nothing),
    SagaStep("thank", nothing),
]


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    define(Saga("sold", STEPS))
    define(Saga("sold", STEPS, version=2, input=Order))
    define(Saga("sent", [SagaStep("weigh", nothing)], input=Parcel))


def test_each_type_is_listed_with_its_versions(alice: Caller) -> None:
    found = alice.get("definitions").json()["definitions"]
    by_name = {each["saga_type"]: each["versions"] for each in found}
    assert by_name["sold"] == [2, 1]
    assert list(by_name) == sorted(by_name)
    assert "sold.pack" not in by_name, "nobody starts the items of a ForEach"


def test_a_definition_is_shown_with_its_steps_and_the_schema_of_its_input(alice: Caller) -> None:
    found = alice.get("definitions/sold").json()
    assert found["version"] == 2
    assert found["input"]["required"] == ["lines"]
    assert [step["name"] for step in found["steps"]] == [each.name for each in STEPS]
    assert [step["kind"] for step in found["steps"]] == [type(each).__name__ for each in STEPS]
    assert [step["has_compensation"] for step in found["steps"]] == [True] + 4 * [False]
    assert [step["can_be_undone"] for step in found["steps"]] == 3 * [True] + 2 * [False]
    assert found["steps"][2]["form"] == {"type": "boolean"}
    assert alice.get("definitions/sold", version=1).json()["input"] is None
    assert alice.get("definitions/sent").json()["input"]["required"] == ["weight"]


def test_a_definition_is_drawn(alice: Caller) -> None:
    answer = alice.get("definitions/sold/picture")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert b"hand_over" in answer.content


@pytest.mark.parametrize("path", ["definitions/none", "definitions/none/picture"])
def test_an_unknown_type_is_not_found(alice: Caller, path: str) -> None:
    answer = alice.get(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "sold" in answer.json()["detail"], "it says which there are"


@pytest.mark.parametrize("version", ["3", "0", "x", str(1 << 31)])
def test_an_unknown_version_is_told(alice: Caller, version: str) -> None:
    answer = alice.get("definitions/sold", version=version)
    assert answer.status_code == (404 if version == "3" else 422)


def test_an_input_that_does_not_fit_is_refused_with_its_fields(alice: Caller) -> None:
    context = {"lines": [{"sku": "a", "quantity": "many"}, {"quantity": 1}]}
    answer = alice.post("sagas", {"saga_type": "sold", "context": context})
    assert answer.status_code == 422
    assert answer.json()["fields"].keys() == {"context.lines.0.quantity", "context.lines.1.sku"}
    with pytest.raises(BadInput, match=r"context\.weight: Field required"):
        engine.start("sent", {})
    fitting = {"lines": [{"sku": "a", "quantity": 2}]}
    assert alice.post("sagas", {"saga_type": "sold", "context": fitting}).status_code == 201


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ({"type": "object"}, "Use a dataclass or a Pydantic model"),
        (Order(lines=[]), "Use a dataclass or a Pydantic model"),
        (int, "neither a dataclass nor a Pydantic model"),
    ],
)
def test_what_is_no_class_of_fields_is_refused_as_an_input(kind: Any, match: str) -> None:
    with pytest.raises(DefinitionError, match=match):
        Registry().add(Saga("sold", STEPS, input=kind))


def test_a_start_says_where_to_look(alice: Caller) -> None:
    body = {"saga_type": "sent", "saga_id": "order:7", "context": {"weight": 1}}
    for status in (201, 200):
        answer = alice.post("sagas", body)
        assert answer.status_code == status
        place = answer.headers["Location"].removeprefix("/api/v1/")
        assert alice.get(place).json()["saga_id"] == body["saga_id"]


def test_who_asks_again_is_told_if_nothing_has_changed(
    alice: Caller, caller: Callable[..., Caller]
) -> None:
    engine.start("sent", {"weight": 1}, saga_id="s-1", owner_id=alice.user.pk)
    first = alice.get("sagas/s-1")
    assert first.headers["Cache-Control"] == "no-store"
    same = {"If-None-Match": first.headers["ETag"]}
    again = alice.client.get("/api/v1/sagas/s-1", headers=same)
    assert (again.status_code, again.content) == (304, b"")
    stranger = caller("stranger").client.get("/api/v1/sagas/s-1", headers=same)
    assert stranger.status_code == 404
    alice.post("sagas/s-1/cancel", {"reason": "x"})
    assert alice.client.get("/api/v1/sagas/s-1", headers=same).status_code == 200
