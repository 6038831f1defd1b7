"""`manage.py saga prune`: until nothing is left, and no more than was asked for."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from sagas import engine
from sagas.machine import Saga, SagaStep
from tests.engine.test_deletion import age, does, ended, left

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(define: Any) -> Saga:
    return define(Saga("shop", [SagaStep("a", does)]))


def prune(*options: str) -> str:
    said = StringIO()
    call_command("saga", "prune", *options, stdout=said)
    return said.getvalue()


def test_r19_it_goes_on_until_nothing_is_left(
    shop: Saga, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        ended(f"s-{number}", committed)
    age()
    ended("young", committed)
    asked: list[int] = []
    delete = engine.prune

    def counted(older_than: Any, limit: int, archive: Any) -> int:
        asked.append(limit)
        return delete(older_than, limit, archive)

    monkeypatch.setattr(engine, "prune", counted)
    assert "Deleted 5 sagas" in prune("--older-than", "30d", "--batch", "2")
    assert left() == ["young"]
    assert asked == [2, 2, 2, 2], "the last finds nothing"
    assert "Deleted 0 sagas" in prune("--older-than", "30d")


@pytest.mark.parametrize(
    ("text", "kept"), [("39d", 0), ("41d", 1), ("959h", 0), ("961h", 1), ("57599m", 0)]
)
def test_durations(shop: Saga, committed: Any, text: str, kept: int) -> None:
    ended("s", committed)
    age(40)
    prune("--older-than", text)
    assert len(left()) == kept


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--older-than", "30"],
        ["--older-than", "0d"],
        ["--older-than=-1d"],
        ["--older-than", "30 days"],
        ["--older-than", "1.5h"],
        ["--older-than", "30d", "--batch", "0"],
        ["--older-than", "30d", "--batch", "many"],
    ],
)
def test_what_makes_no_sense_deletes_nothing(
    shop: Saga, committed: Any, options: list[str]
) -> None:
    ended("s", committed)
    age(10_000)
    with pytest.raises(CommandError, match=r"write|required"):
        prune(*options)
    assert left() == ["s"]


def test_what_the_database_refuses_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(engine, "prune", refuse)
    with pytest.raises(CommandError, match="smaller --batch than 500"):
        prune("--older-than", "30d")
