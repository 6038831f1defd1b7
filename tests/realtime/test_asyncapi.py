"""docs/asyncapi.json is what the code says, and it is whole."""

import json
from collections.abc import Iterator
from typing import Any

from sagas.live.asyncapi import document
from sagas.live.close_codes import CODES
from tests.pages import ROOT


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_published_description_is_the_generated_one() -> None:
    published = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    assert published == json.loads(json.dumps(document())), "stale: run `make docs`"


def test_each_reference_leads_somewhere() -> None:
    whole = document()
    met = list(references(whole))
    assert met
    for reference in met:
        found = whole
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


def test_each_close_code_is_described() -> None:
    page = (ROOT / "docs" / "realtime.md").read_text()
    for code in CODES:
        assert f"| {code} |" in page
