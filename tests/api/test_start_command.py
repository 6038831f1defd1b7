"""`manage.py saga start`: a saga for each line, a batch as a whole."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from sagas.models import SagaExecution
from tests.api.scenes import ALL

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sagas.jsonl"
    lines = [{"saga_id": f"s-{number}", "context": {"n": number}} for number in range(5)]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def start(*arguments: object) -> str:
    said = io.StringIO()
    call_command("saga", "start", "shop", *map(str, arguments), stdout=said)
    return said.getvalue()


def started() -> list[str]:
    return sorted(SagaExecution.objects.values_list("saga_id", flat=True))


def test_s11_a_file_may_be_started_again(file: Path) -> None:
    owner = get_user_model().objects.create_user("alice")
    options = (file, "--batch", 2, "--owner", "alice", "--version", 1)
    assert start(*options).strip() == "Started 5 sagas; 0 existed already."
    assert start(*options).strip() == "Started 0 sagas; 5 existed already."
    assert started() == [f"s-{number}" for number in range(5)]
    assert set(SagaExecution.objects.values_list("owner", "version")) == {(owner.pk, 1)}


def test_lines_are_read_from_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"context": {}, "start_at": "2999-01-01T00:00+00:00", "tags": ["vip"], "saga_id": "s"}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(line)))
    start("-")
    found = SagaExecution.objects.get()
    assert (found.tags, found.options) == (["vip"], {"start_at": "2999-01-01T00:00:00+00:00"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[]", r"Line 6 is not a saga"),
        ('{"context": {}', r"Line 6 is not a saga"),
        ('{"saga_id": "a"}', r"Line 6 is not a saga.*'context'"),
        ('{"context": {}, "deadline": 7}', r"Line 6 is not a saga"),
        ('{"context": {}, "by": "me"}', r"Line 6 is not a saga.*'by'"),
        ('{"context": {}, "tags": 7}', r"(?s)sagas\.1\.tags.*first 4 lines.*`sagas\.0` is line 5"),
        ('{"context": {}, "saga_id": 7}', r"(?s)sagas\.1\.saga_id.*first 4 lines"),
        ('{"context": {}, "saga_id": "s-1"}', r"(?s)sagas\.1.*taken.*first 4 lines"),
    ],
)
def test_a_bad_line_is_told_and_leaves_nothing_of_its_batch(
    file: Path, line: str, said: str
) -> None:
    with file.open("a") as lines:
        lines.write(f"{line}\n")
    with pytest.raises(CommandError, match=said):
        start(file, "--batch", 2)
    assert started() == ["s-0", "s-1", "s-2", "s-3"]


def test_who_and_what_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(CommandError, match="no user 'nobody'"):
        start(file, "--owner", "nobody")
    with pytest.raises(CommandError, match="No such file"):
        start(file.with_name("absent"))
    assert started() == []


def test_one_saga_is_started_without_a_file(file: Path) -> None:
    one = ("--context", '{"n": 7}', "--saga-id", "one", "--tag", "vip", "--version", 1)
    assert start(*one) == "one: started\n"
    assert start(*one) == "one: was there\n"
    found = SagaExecution.objects.get()
    assert (found.context, found.tags) == ({"n": 7}, ["vip"])
    for wrong, said in (
        ((), "either a FILE"),
        ((file, *one), "either a FILE"),
        ((file, "--tag", "vip"), "into the file"),
        (("--context", "{"), "not JSON"),
        (("--context", "[]"), "context"),
        (("--context", "{}", "--version", 9), "unknown saga"),
        (("--context", "{}", "--owner", "nobody"), "no user 'nobody'"),
    ):
        with pytest.raises(CommandError, match=said):
            start(*wrong)
    assert started() == ["one"]
