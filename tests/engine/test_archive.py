"""`saga prune --archive`: what is deleted was written before, whatever happens in between (R19)."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sagas import engine
from sagas.machine import Saga, SagaStep
from sagas.models import SagaEvent, SagaExecution
from tests.configured import configure
from tests.engine.test_deletion import MONTH, age, does, ended, family, left
from tests.engine.test_prune_command import prune
from tests.engine.test_races import together

__all__ = ["family"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(define: Any) -> Saga:
    return define(Saga("shop", [SagaStep("a", does)]))


def kept(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else Path.open
    with opened(path, "rt") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("name", ["old.jsonl", "old.jsonl.gz"])
def test_r19_all_of_it_is_in_the_file_and_no_more(
    shop: Saga, committed: Any, tmp_path: Path, name: str
) -> None:
    for number in range(5):
        ended(f"s-{number}", committed)
    age()
    ended("young", committed)
    wanted = {
        row["saga_id"]: row for row in SagaExecution.objects.exclude(saga_id="young").values()
    }
    said = prune("--older-than", "30d", "--batch", "2", "--archive", str(tmp_path / name))
    assert "Deleted 5 sagas" in said
    assert left() == ["young"]
    found = kept(tmp_path / name)
    assert [row["saga_id"] for row in found] == [f"s-{number}" for number in range(5)]
    for row in found:
        same = wanted[row["saga_id"]]
        assert (row["id"], row["context"], row["steps"]) == (
            same["id"],
            same["context"],
            same["steps"],
        )
        assert [event["seq"] for event in row["events"]] == list(range(1, row["last_seq"] + 1))
        assert row["events"][0]["data"]["context"] == {"order": 1}


def test_r19_a_family_is_a_line_for_each_of_it(family: int, tmp_path: Path) -> None:
    prune("--older-than", "30d", "--archive", str(tmp_path / "old.jsonl"))
    found = kept(tmp_path / "old.jsonl")
    assert len(found) == 6
    assert {row["root_id"] for row in found} == {None, family}
    assert left() == []


def test_r19_what_was_archived_by_a_killed_run_comes_again(shop: Saga, committed: Any) -> None:
    """Killed after the file was synced, and before the rows were deleted."""
    ended("s", committed)
    age()
    seen: list[str] = []

    def archive(lines: Iterable[str]) -> None:
        assert not connection.in_atomic_block, "no transaction waits for a disk"
        seen.extend(json.loads(line)["saga_id"] for line in lines)
        if len(seen) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.prune(MONTH, 10, archive)
    assert left() == ["s"]
    assert engine.prune(MONTH, 10, archive) == 1
    assert seen == ["s", "s"]
    assert left() == []


def test_r19_what_changes_while_it_is_archived_is_not_deleted(shop: Saga, committed: Any) -> None:
    late = ended("late", committed)
    ended("other", committed)
    age()

    def archive(lines: Iterable[str]) -> None:
        assert len(list(lines)) == 2

        def report(_: int) -> None:
            SagaEvent.objects.filter(execution_id=late).latest("seq")
            SagaExecution.objects.filter(pk=late).update(last_seq=99)

        together(report, 1)

    assert engine.prune(MONTH, 10, archive) == 1
    assert left() == ["late"]


def test_r19_no_more_is_deleted_than_was_archived(shop: Saga, committed: Any) -> None:
    """What becomes old enough while the file is written is for the next time."""
    ended("old", committed)
    age()
    ended("young", committed)

    def archive(lines: Iterable[str]) -> None:
        assert len(list(lines)) == 1
        together(lambda _: age(100, saga_id="young"), 1)

    assert engine.prune(MONTH, 10, archive) == 1
    assert left() == ["young"]


def test_r19_what_is_not_on_the_bus_is_neither_archived_nor_deleted(
    shop: Saga, committed: Any, settings: Any
) -> None:
    configure(settings, EVENTS_URL="redis://somewhere")
    ended("waiting", committed)
    relayed = ended("relayed", committed)
    age()
    engine.mark_relayed({relayed: 99})
    seen: list[str] = []
    assert engine.prune(MONTH, 10, seen.extend) == 1
    assert [json.loads(line)["saga_id"] for line in seen] == ["relayed"]
    assert left() == ["waiting"]


def test_a_file_that_is_there_is_left_alone(shop: Saga, committed: Any, tmp_path: Path) -> None:
    ended("s", committed)
    age()
    path = tmp_path / "old.jsonl"
    path.write_text("something\n")
    with pytest.raises(CommandError, match="Name a new file"):
        prune("--older-than", "30d", "--archive", str(path))
    assert path.read_text() == "something\n"
    assert left() == ["s"]


def test_what_can_not_be_written_is_not_deleted(shop: Saga, committed: Any) -> None:
    ended("s", committed)
    age()
    with pytest.raises(CommandError, match="not deleted"):
        prune("--older-than", "30d", "--archive", "/proc/sagas.jsonl")
    assert left() == ["s"]


def test_nothing_to_archive_leaves_no_file(shop: Saga, tmp_path: Path) -> None:
    prune("--older-than", "30d", "--archive", str(tmp_path / "old.jsonl.gz"))
    assert list(tmp_path.iterdir()) == []


def test_standard_output_has_the_lines_and_nothing_else(
    shop: Saga, committed: Any, capfdbinary: Any
) -> None:
    ended("s", committed)
    age()
    call_command("saga", "prune", "--older-than", "30d", "--archive", "-")
    out, told = capfdbinary.readouterr()
    assert [json.loads(line)["saga_id"] for line in out.splitlines()] == ["s"]
    assert b"Deleted 1 sagas" in told
