"""`saga tasks`, and `saga signal` for a task."""

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from sagas.models import SagaExecution, SagaTask
from tests.api.conftest import Caller
from tests.api.test_tasks import MAY, _sagas, begin  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db(transaction=True)


def saga(*arguments: str) -> tuple[str, str]:
    said, told = io.StringIO(), io.StringIO()
    call_command("saga", *arguments, stdout=said, stderr=told)
    return said.getvalue(), told.getvalue()


def test_the_command_line_lists_tasks(alice: Caller, caller: Callable[..., Caller]) -> None:
    caller("bo")
    for saga_type in ("claim", "by_name", "due"):
        begin(saga_type, alice, saga_type, manager="bo")
    SagaTask.objects.filter(saga_type="claim").update(due_at="2001-01-01T00:00:00Z")
    said, told = saga("tasks")
    lines = said.splitlines()
    start = "claim  approval  for bo  needs sagas.approve_claim  due 2001-01-01 00:00:00 UTC  late"
    assert lines[0].startswith(f"{start}  since 20")
    assert [line.split()[0] for line in lines] == ["claim", "due", "by_name"]
    assert told == ""
    said, told = saga("tasks", "--limit", "1")
    assert len(said.splitlines()) == 1
    after = told.split("--after ")[1].strip()
    assert saga("tasks", "--after", after)[0].splitlines() == lines[1:]
    for options, ids in {
        ("--user", "alice"): ["due"],
        ("--user", "bo"): ["claim", "by_name"],
        ("--assignee", "bo"): ["claim", "by_name"],
        ("--permission", MAY): ["claim"],
        ("--type", "due"): ["due"],
        ("--late",): ["claim"],
    }.items():
        assert [line.split()[0] for line in saga("tasks", *options)[0].splitlines()] == ids
    assert saga("tasks", "--type", "nothing") == ("", "")


def test_the_command_line_lists_anew_after_a_deploy(alice: Caller) -> None:
    begin("claim", alice, manager="bo")
    SagaTask.objects.all().delete()  # as if the wait had become a task just now
    assert saga("tasks") == ("", "")
    said, told = saga("tasks", "--renew")
    assert (said.split()[0], told.strip()) == ("s", "Looked at 1 saga.")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--user", "nobody"), "There is no user 'nobody'."),
        (("--type", "a b"), "bad input: saga_type"),
        (("--assignee", ""), "bad input: assignee"),
        (("--after", "x"), "bad input: after"),
    ],
)
def test_bad_options_are_told(options: tuple[str, ...], what: str) -> None:
    with pytest.raises(CommandError, match=what):
        saga("tasks", *options)


def test_whoever_has_a_shell_may_do_every_task(alice: Caller) -> None:
    begin("claim", alice, manager="bo")
    saga("signal", "s", "--name", "approval", "--payload", '{"outcome": "yes"}', "--by", "cy")
    assert SagaExecution.objects.get().status == "completed"
