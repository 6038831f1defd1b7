"""What a definition's forms may be, and what they say of a payload."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from sagas import DefinitionError, Saga, WaitFor, extras, forms
from sagas.errors import BadInput
from sagas.whatif.graph import flowchart

ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "outcome": {"enum": ["approved", "denied"]},
        "note": {"type": "string", "maxLength": 5},
        "on": {"type": "string", "format": "date"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
    },
    "required": ["outcome"],
    "additionalProperties": False,
    "$defs": {"line": {"type": "object", "required": ["sku", "count"]}},
}


def saga(form: Any) -> Saga:
    return Saga("order", [WaitFor("answer", form=form), WaitFor("other")])


def wrong(payload: object, name: str = "answer") -> dict[str, str]:
    try:
        forms.require_fitting(saga(ANSWER), name, payload)
    except BadInput as error:
        return dict(error.fields)
    return {}


@pytest.mark.parametrize(
    ("payload", "paths"),
    [
        ({"outcome": "approved"}, set()),
        ({"outcome": "denied", "note": "no", "on": "2026-05-01"}, set()),
        ({}, {"payload.outcome"}),
        ({"outcome": "perhaps", "note": "far too long"}, {"payload.outcome", "payload.note"}),
        ({"outcome": "denied", "on": "tomorrow"}, {"payload.on"}),
        ({"outcome": "denied", "more": 1}, {"payload"}),
        ({"outcome": "denied", "lines": [{"sku": 1, "count": 2}]}, set()),
        (
            {"outcome": "denied", "lines": [{"sku": 1, "count": 2}, {}]},
            {"payload.lines.1.sku", "payload.lines.1.count"},
        ),
        ("approved", {"payload"}),
        (None, {"payload"}),
    ],
)
def test_each_field_at_fault_is_named_by_its_path(payload: object, paths: set[str]) -> None:
    found = wrong(payload)
    assert found.keys() == paths
    assert all(found.values())


def test_other_waits_take_anything() -> None:
    assert wrong(object(), "other") == wrong(None, "nobody") == {}


def test_no_more_is_named_than_a_person_reads() -> None:
    found = wrong({"outcome": "denied", "lines": [{"x" * 1000: 1}] * 50})
    assert len(found) == forms.MOST_FIELDS
    assert all(len(said) <= forms.MOST_SAID for said in wrong("x" * 1000).values())


@pytest.mark.parametrize("form", ["object", [], {"type": object()}, {1: 2}])
def test_a_form_is_plain_data(form: Any) -> None:
    with pytest.raises(DefinitionError, match="Use a JSON Schema, as a dict"):
        saga(form)


@pytest.mark.parametrize(
    ("form", "what"),
    [
        ({"type": "objekt"}, "is no JSON Schema, at type"),
        ({"properties": {"a": {"maxLength": "5"}}}, "at properties.a.maxLength"),
        ({"$ref": "#/$defs/nothing"}, "refers to '#/\\$defs/nothing', which is not in it"),
        ({"items": [{"$ref": "https://example.com/form"}]}, "no JSON Schema, at items"),
        ({"allOf": [{"$ref": "https://example.com/form"}]}, "nothing is fetched from elsewhere"),
    ],
)
def test_a_form_that_says_nothing_is_refused_where_it_is_registered(
    form: dict[str, Any], what: str
) -> None:
    with pytest.raises(DefinitionError, match=f"Saga 'order', step 'answer': the form.*{what}"):
        forms.check(saga(form))


def test_a_form_of_an_older_draft_is_read_as_that() -> None:
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1}
    old |= {"exclusiveMinimum": True}
    forms.check(saga(old))
    with pytest.raises(BadInput):
        forms.require_fitting(saga(old), "answer", 1)
    with pytest.raises(DefinitionError):
        forms.check(saga({"exclusiveMinimum": True}))


def test_without_the_extra_a_form_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.PACKAGES, "forms", ("no_such_module",))
    forms.check(saga(None))
    with pytest.raises(ImproperlyConfigured, match=r"\[forms\]"):
        forms.check(saga(ANSWER))


def test_s12_a_form_may_change_while_sagas_run() -> None:
    assert saga(ANSWER).digest == saga(None).digest


def test_the_graph_tells_of_it() -> None:
    assert 'answer(["answer<br>signal<br>by a form"])' in flowchart(saga(ANSWER))
