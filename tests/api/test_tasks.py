"""Tasks for persons by HTTP: who may do them, and who finds them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from sagas import Login, Saga, SagaStep, WaitFor, access, engine, queries
from sagas.models import SagaExecution, SagaTask
from tests.api.conftest import Caller
from tests.api.scenes import nothing
from tests.engine.driving import claim

pytestmark = pytest.mark.django_db(transaction=True)

FORM: Final = {"type": "object", "required": ["outcome"]}
YES: Final = {"payload": {"outcome": "yes"}}
MAY: Final = "sagas.approve_claim"


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "claim": {"permission": MAY, "assignee": "manager", "four_eyes": True, "due": 3600},
        "by_right": {"permission": MAY},
        "by_name": {"assignee": "manager"},
        "by_login": {"assignee": Login("bo")},
        "four_eyes": {"four_eyes": True},
        "due": {"due": 3600},
    }
    for saga_type, options in kinds.items():
        define(Saga(saga_type, [WaitFor("approval", form=FORM, **options)]))
    define(Saga("slow", [SagaStep("a", nothing), WaitFor("approval", assignee="manager")]))


@pytest.fixture
def people(caller: Callable[..., Caller]) -> dict[str, Caller]:
    """`owner` starts the sagas; none of the others sees them, but for those who operate."""
    found = {name: caller(name) for name in ("owner", "bo", "approver", "operator", "stranger")}
    found["root"] = caller("root", is_superuser=True)
    found["approver"].allow("approve_claim")
    found["operator"].allow("operate_saga")
    return found


def begin(saga_type: str, owner: Caller | None = None, saga_id: str = "s", **context: Any) -> int:
    owner_id = None if owner is None else owner.user.pk
    started = engine.start(saga_type, context, saga_id=saga_id, owner_id=owner_id)
    return started.execution_id


def send(who: Caller, saga_id: str = "s", body: Any = YES) -> int:
    code: int = who.post(f"sagas/{saga_id}/signals/approval", body).status_code
    return code


def listed(who: Caller, **query: Any) -> list[str]:
    answer = who.get("tasks", **query)
    assert answer.status_code == 200, answer.content
    return [task["saga_id"] for task in answer.json()["tasks"]]


WHO_MAY: Final[dict[str, dict[str, int]]] = {
    "claim": {"owner": 403, "bo": 204, "approver": 204, "operator": 403, "root": 200},
    "by_right": {"owner": 403, "bo": 404, "approver": 204, "operator": 403, "root": 200},
    "by_name": {"owner": 403, "bo": 204, "approver": 404, "operator": 200, "root": 200},
    "by_login": {"owner": 403, "bo": 204, "approver": 404, "operator": 200, "root": 200},
    "four_eyes": {"owner": 403, "bo": 404, "approver": 404, "operator": 200, "root": 200},
    "due": {"owner": 200, "bo": 404, "approver": 404, "operator": 200, "root": 200},
    "plain": {"owner": 200, "bo": 404, "approver": 404, "operator": 200, "root": 200},
}
"""Saga type → what a signal is answered; nobody else sees these sagas. `bo` is the manager."""


@pytest.mark.parametrize("saga_type", WHO_MAY)
def test_who_may_do_which_task_and_finds_it(saga_type: str, people: dict[str, Caller]) -> None:
    for name, code in {**WHO_MAY[saga_type], "stranger": 404}.items():
        saga_id = f"{name}-s"
        begin(saga_type, people["owner"], saga_id, manager="bo")
        is_listed = saga_type != "plain" and code < 300
        assert listed(people[name], saga_type=saga_type) == [saga_id] * is_listed, name
        assert send(people[name], saga_id) == code, name
        assert bool(SagaExecution.objects.get(saga_id=saga_id).context.get("approval")) == (
            code < 300
        ), name
        SagaExecution.objects.all().delete()
        SagaTask.objects.all().delete()


@pytest.mark.parametrize("name", ["operator", "root", "approver", "bo"])
def test_who_started_it_is_not_the_second_pair_of_eyes(
    name: str, people: dict[str, Caller]
) -> None:
    """Whatever else they may do, and although it is assigned to them."""
    begin("claim", people[name], manager=name)
    assert listed(people[name]) == []
    answer = people[name].post("sagas/s/signals/approval", YES)
    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        "To send 'approval', you have to have the permission sagas.approve_claim, or to be the one "
        "whom it is assigned to. Who started the saga may not."
    )
    assert not SagaExecution.objects.get().events.filter(type="saga.signalled").exists()


def test_r13_the_same_again_is_answered_alike(people: dict[str, Caller]) -> None:
    """Also to who does not see the saga, and once the task is done."""
    begin("claim", people["owner"], manager="bo")
    bo = people["bo"]
    answers = [bo.post("sagas/s/signals/approval", YES) for _ in range(2)]
    assert [(each.status_code, each.content) for each in answers] == [(204, b"")] * 2
    assert send(bo, body={"payload": {"outcome": "no"}}) == 409
    assert bo.get("sagas/s").status_code == 404
    found = SagaExecution.objects.get()
    assert found.events.get(type="saga.signalled").data["by"] == "bo"


def test_a_context_assigns_nothing_before_the_wait_begins(people: dict[str, Caller]) -> None:
    """Whoever starts a saga writes its context, and a step may still correct it."""
    execution_id = begin("slow", people["owner"], manager="owner")
    assert send(people["owner"]) == 403
    engine.succeed(claim(execution_id, "a"), {"manager": "bo"})
    assert (send(people["owner"]), listed(people["owner"])) == (403, [])
    assert listed(people["bo"]) == ["s"]
    assert send(people["bo"], body={"payload": 1}) == 204


@pytest.mark.parametrize(
    ("saga_type", "name", "code"),
    [
        ("claim", "approver", 403),
        ("claim", "root", 403),
        ("by_right", "approver", 201),
        ("by_right", "bo", 403),
        ("by_name", "bo", 403),
        ("by_login", "bo", 201),
        ("by_login", "stranger", 403),
        ("four_eyes", "operator", 403),
        ("due", "stranger", 201),
        ("plain", "stranger", 201),
    ],
)
def test_s11_nobody_starts_a_saga_to_do_its_task(
    saga_type: str, name: str, code: int, people: dict[str, Caller]
) -> None:
    body = {"saga_type": saga_type, "saga_id": "s", "context": {"manager": name}}
    first = {"name": "approval", **YES}
    assert people[name].post("sagas", {**body, "signal": first}).status_code == code
    assert SagaExecution.objects.exists() == (code == 201), "refused, it leaves nothing"
    if code == 403:
        assert people[name].post("sagas", body).status_code == 201
        again = people[name].post("sagas", {**body, "signal": first}).status_code
        assert again == (200 if saga_type == "by_name" else 403)


def test_a_signal_that_starts_somebody_elses_saga_tells_nothing(people: dict[str, Caller]) -> None:
    begin("claim", people["owner"], manager="bo")
    body = {"saga_type": "claim", "saga_id": "s", "context": {"manager": "bo"}}
    answer = people["bo"].post("sagas", {**body, "signal": {"name": "approval", **YES}})
    assert answer.status_code == 409
    assert SagaTask.objects.exists()


def test_a_saga_that_nobody_started_has_no_forbidden_eyes(people: dict[str, Caller]) -> None:
    begin("four_eyes")
    assert (listed(people["operator"]), listed(people["stranger"])) == (["s"], [])
    assert (send(people["stranger"]), send(people["operator"])) == (404, 200)


@pytest.mark.parametrize("body", [{"payload": {}}, {"payload": 1}, {"a": 1}, b"{"])
def test_a_bad_payload_leaves_the_task(body: Any, people: dict[str, Caller]) -> None:
    begin("claim", people["owner"], manager="bo")
    assert send(people["bo"], body=body) in (400, 422)
    assert listed(people["bo"]) == ["s"]


def test_what_is_told_of_a_task(people: dict[str, Caller]) -> None:
    begin("claim", people["owner"], manager="bo", secret="x")
    [task] = people["bo"].get("tasks").json()["tasks"]
    row = SagaTask.objects.get()
    assert row.due_at is not None
    since, due_at = (
        each.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for each in (row.since, row.due_at)
    )
    assert task == {
        **{"saga_id": "s", "saga_type": "claim", "version": 1, "name": "approval", "form": FORM},
        **{"permission": MAY, "assignee": "bo", "four_eyes": True, "late": False},
        **{"since": since, "due_at": due_at},
    }
    [step] = people["owner"].get("sagas/s").json()["steps"]
    assert step["task"] == {name: task[name] for name in step["task"]}
    assert people["owner"].get("definitions/claim").json()["steps"][0]["is_task"] is True


def test_many_are_listed_a_page_at_a_time_the_most_urgent_first(
    people: dict[str, Caller], django_assert_num_queries: Any
) -> None:
    expected = []
    for number in range(7):
        begin("claim", people["owner"], f"s-{number}", manager="bo")
        begin("claim", people["owner"], f"of-another-{number}", manager="stranger")
        expected.append(f"s-{number}")
    moment = SagaTask.objects.order_by("id")[0].since
    for number, hours in enumerate([5, 3, None, 3, -1, None, 4]):
        due_at = None if hours is None else moment + timedelta(hours=hours)
        SagaTask.objects.filter(execution__saga_id=f"s-{number}").update(due_at=due_at)
    pages: list[list[str]] = []
    query: dict[str, str] = {}
    while not pages or query["after"]:
        answer = people["bo"].get("tasks", limit=2, **query).json()
        pages.append([task["saga_id"] for task in answer["tasks"]])
        query = {"after": answer["next_after"] or ""}
    assert pages == [["s-4", "s-1"], ["s-3", "s-6"], ["s-0", "s-2"], ["s-5"]]
    assert len(listed(people["approver"], limit=200)) == 14
    with django_assert_num_queries(1):
        queries.tasks(queries.TaskFilter(), access.OPERATOR, limit=200)


def test_tasks_are_found_by_what_they_have_in_common(people: dict[str, Caller]) -> None:
    for saga_type in ("claim", "by_right", "by_name", "due"):
        begin(saga_type, people["owner"], saga_type, manager="root")
    everything = {"claim", "by_right", "by_name", "due"}
    SagaTask.objects.filter(saga_type="due").update(due_at="2001-01-01T00:00:00Z")
    root = people["root"]
    found = {
        "": set(listed(root)),
        "mine": set(listed(root, mine="true")),
        "late": set(listed(root, late="true")),
        "in time": set(listed(root, late="false")),
        "permission": set(listed(root, permission=MAY)),
        "saga_type": set(listed(root, saga_type="claim")),
        "none": {*listed(root, permission="a.b"), *listed(root, saga_type="nothing")},
    }
    assert found == {
        "": everything,
        "mine": {"claim", "by_name"},
        "late": {"due"},
        "in time": everything - {"due"},
        "permission": {"claim", "by_right"},
        "saga_type": {"claim"},
        "none": set(),
    }
    assert listed(people["stranger"]) == []


@pytest.mark.parametrize(
    "query",
    [
        {"after": "nothing"},
        {"after": "1.x"},
        {"after": "9" * 18 + ".1"},
        {"after": "1" * 41},
        {"limit": 201},
        {"late": "perhaps"},
        {"mine": "perhaps"},
        {"saga_type": "a b"},
        {"saga_type": "a\x00"},
        {"assignee": "bo"},
        {"nothing": 1},
    ],
)
def test_what_can_be_no_filter_is_told_by_name(query: dict[str, Any], alice: Caller) -> None:
    answer = alice.get("tasks", **query)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, list(query))


@pytest.mark.parametrize("permission", ["a\x00", "x" * 5000, "ä.ö"])
def test_a_permission_that_no_task_needs_finds_none(permission: str, alice: Caller) -> None:
    assert listed(alice, permission=permission) == []


def test_without_a_login_nothing_is_listed(client: Any) -> None:
    assert client.get("/api/v1/tasks").status_code == 401


def test_a_user_who_is_no_more_active_has_no_tasks(people: dict[str, Caller]) -> None:
    begin("claim", people["owner"], manager="bo")
    people["root"].user.is_active = people["approver"].user.is_active = False
    for name in ("root", "approver"):
        assert not access.policy().tasks(people[name].user).exists()


class NoApprovals(access.Policy):
    """A project's own: nobody has a permission of Django's."""

    def has_permission(self, user: Any, permission: str) -> bool:
        return False


def test_a_policy_of_a_project_decides_about_tasks_too(
    people: dict[str, Caller], settings: Any
) -> None:
    settings.SAGAS = {**settings.SAGAS, "ACCESS_POLICY": f"{__name__}.NoApprovals"}
    begin("claim", people["owner"], manager="bo")
    for name, code in (("approver", 404), ("bo", 204)):
        assert listed(people[name]) == ["s"] * (code == 204)
        assert send(people[name]) == code
