"""docs/gallery.md: made of the examples, and all of them are on it."""

import re
from typing import Final

import pytest

from examples.gallery.page import FOLDER, Example, examples, page
from examples.gallery.samples import SAMPLES
from sagas.whatif.picture import picture
from tests.machine.test_picture import assert_clear
from tests.pages import ROOT

PAGE: Final = ROOT / "docs" / "gallery.md"
OTHERS: Final = {"__init__", "ledger", "page", "sagas", "samples"}
EACH: Final = pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)


def test_the_page_is_made_of_the_examples() -> None:
    assert PAGE.read_text() == page(), "docs/gallery.md is stale: run `make docs`."


def test_every_module_is_a_sample() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} - OTHERS
    assert modules == {example.name for example in examples()}
    assert len(modules) >= 30


def test_a_sample_is_here_or_says_why_it_is_not() -> None:
    assert len(SAMPLES) >= 51
    for sample in SAMPLES:
        is_said = sample.module or re.match(r"missing: |.*; |`ForEach` of", sample.said)
        assert is_said, sample.name


@EACH
def test_an_example_names_what_it_is_about(example: Example) -> None:
    text, _, reference = example.text.partition("\n\nReference: ")
    assert 2 <= len(re.findall(r"[.:;](?:\s|$)", text)) <= 6
    assert re.search(r", ", reference), "product, sample and its page"
    assert example.sagas


@EACH
def test_a_picture_of_it_can_be_read(example: Example) -> None:
    for saga in example.sagas:
        assert_clear(picture(saga))
