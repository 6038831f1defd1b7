"""Waits that are tasks for a person: what may be written, and what is known of one."""

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagas import DefinitionError, FirstOf, Login, Parallel, Saga, Sleep, WaitFor
from sagas.machine import Cancel, Signal
from sagas.machine.open_tasks import Task, assignee_of, open_tasks
from sagas.testing import Conversation
from sagas.whatif.graph import flowchart
from tests.machine.conversation import BY_ANNA, step, talk

MAY: dict[str, Any] = {"permission": "shop.approve_claim"}


def tasks(saga: Conversation) -> dict[str, Task]:
    return open_tasks(saga.saga, saga.state)


@pytest.mark.parametrize(
    "options",
    [
        {"permission": "shop.approve_claim"},
        {"permission": "sagas.operate:shop"},
        {"assignee": "owner.manager"},
        {"assignee": Login("anna@example.com")},
        {"four_eyes": True},
        {"due": 86400},
        {"due": timedelta(days=1)},
        {"due": "answer_until"},
    ],
)
def test_each_of_these_makes_a_wait_a_task(options: dict[str, Any]) -> None:
    saga = Saga("order", [WaitFor("approval", **options), WaitFor("other")])
    assert list(saga.tasks) == ["approval"]
    assert pickle.loads(pickle.dumps(saga)).tasks == saga.tasks


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"permission": "approve_claim"}, "permission is 'approve_claim'"),
        ({"permission": "shop.approve claim"}, "permission is"),
        ({"permission": ""}, "permission is ''"),
        ({"permission": 7}, "permission is 7"),
        ({"assignee": ""}, "assignee is ''"),
        ({"assignee": "owner..manager"}, "assignee is"),
        ({"assignee": 7}, r"assignee is 7. Use Login\('anna'\)"),
        ({"four_eyes": "yes"}, "four_eyes is 'yes'"),
        ({"due": 0}, "due is 0"),
        ({"due": -1}, "due is -1"),
        ({"due": ""}, "due is ''"),
        ({"due": True}, "due is True"),
    ],
)
def test_what_nobody_can_be_asked_by_is_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(DefinitionError, match=f"Step 'approval': {what}"):
        WaitFor("approval", **options)


@pytest.mark.parametrize("name", ["", "x" * 255, "a\x00b", 7])
def test_a_login_is_a_name(name: Any) -> None:
    with pytest.raises(DefinitionError, match="Login: name is"):
        Login(name)


def test_s12_who_does_it_may_change_while_sagas_run() -> None:
    plain = Saga("order", [WaitFor("approval")])
    task = WaitFor("approval", assignee="boss", four_eyes=True, due=5, **MAY)
    assert Saga("order", [task]).digest == plain.digest
    assert not plain.tasks


def test_a_task_is_open_while_its_wait_waits() -> None:
    saga = talk(step("a"), WaitFor("approval", **MAY), step("b"))
    assert tasks(saga) == {}
    saga.succeed("a")
    assert tasks(saga) == {"approval": Task()}
    saga.tell(Signal("approval", True, "anna"))
    assert tasks(saga) == {}


def test_r13_a_task_that_was_done_before_it_began_is_never_open() -> None:
    saga = talk(step("a"), WaitFor("approval", **MAY), step("b"))
    saga.tell(Signal("approval", True, "anna"))
    saga.succeed("a")
    assert tasks(saga) == {}


def test_a_task_ends_with_its_saga_and_with_its_race() -> None:
    saga = talk(WaitFor("approval", **MAY), step("a"))
    saga.tell(Cancel(**BY_ANNA))
    assert tasks(saga) == {}
    race = talk(FirstOf("end", WaitFor("approval", **MAY), WaitFor("stop")), step("a"))
    assert list(tasks(race)) == ["approval"]
    race.tell(Signal("stop", True, "anna"))
    assert tasks(race) == {}


def test_nothing_of_a_task_changes_the_course() -> None:
    """A due date that has passed ends nothing, and neither does one that can't be read."""
    options: tuple[dict[str, Any], ...] = ({}, {"due": 1, **MAY}, {"due": "no", "assignee": "no"})
    histories = []
    for each in options:
        saga = talk(WaitFor("approval", timeout=60, on_timeout="continue", **each), step("a"))
        saga.pass_time(30)
        saga.pass_time(40)
        histories.append(saga.history)
    assert histories[0] == histories[1] == histories[2]


def test_it_is_assigned_to_whom_the_context_names_by_now() -> None:
    wait = WaitFor("approval", assignee="owner.manager")
    saga = talk(Parallel(wait, [step("a"), step("b")]), owner={"manager": "bo"})
    assert tasks(saga)["approval"].assignee == "bo"
    saga.succeed("a", owner={"manager": "cy"})
    assert tasks(saga)["approval"].assignee == "cy"


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"owner": None},
        {"owner": {"manager": None}},
        {"owner": {"manager": ""}},
        {"owner": {"manager": 7}},
        {"owner": {"manager": ["bo"]}},
        {"owner": {"manager": "b\x00"}},
        {"owner": {"manager": "x" * 255}},
    ],
)
def test_without_a_usable_login_it_is_nobodys(context: dict[str, Any]) -> None:
    assert assignee_of(WaitFor("approval", assignee="owner.manager"), context) == ""


def test_a_due_date_is_a_moment_or_a_time_from_the_beginning() -> None:
    moment = datetime(2026, 5, 1, 10, tzinfo=UTC)
    saga = talk(
        Parallel(WaitFor("x", due="until"), WaitFor("y", due=3600)), until=moment.isoformat()
    )
    assert tasks(saga)["x"] == Task(due_at=moment)
    assert tasks(saga)["y"] == Task(due_after=timedelta(hours=1))


@pytest.mark.parametrize(
    "until", [None, 5, "soon", "2026-05-01T10:00:00", "1969-01-01T00:00:00+00:00", "9999-12-31"]
)
def test_without_a_usable_moment_it_is_never_due(until: Any) -> None:
    saga = talk(WaitFor("approval", due="until"), step("a"), until=until)
    assert tasks(saga) == {"approval": Task()}


def test_all_executions_do_not_begin_alike_if_they_begin_with_a_task() -> None:
    assert not Saga("order", [WaitFor("approval", **MAY)]).begins_alike
    assert Saga("order", [Sleep("nap", 5), WaitFor("approval", **MAY)]).begins_alike


def test_the_graph_tells_who_and_until_when() -> None:
    wait = WaitFor("approval", assignee=Login("bo"), four_eyes=True, due=86400, **MAY)
    drawn = flowchart(Saga("order", [wait, WaitFor("other", assignee="who", due="until")]))
    said = "signal<br>by shop.approve_claim or bo<br>not by who started it<br>due after 1 day"
    assert f'approval(["approval<br>{said}"])' in drawn
    assert 'other(["other<br>signal<br>by who<br>due at until"])' in drawn
