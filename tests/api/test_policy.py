"""Who may do what: every route, for every role, and for what is theirs and what is not."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import URLPattern

from sagas import access, engine, queries, tokens
from sagas.access import Right, permissions
from sagas.access.checks import check_policy
from sagas.api import api
from sagas.live import progress, urls
from sagas.live.close_codes import Closed
from sagas.machine import Adopt, Cancel
from tests.api.conftest import Caller
from tests.api.scenes import ALL

pytestmark = pytest.mark.django_db(transaction=True)

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "owner": (),
    "stranger": (),
    "clerk": (),  # of the staff, without a permission
    "starter": ("start_saga",),
    "viewer": ("view_sagaexecution",),
    "operator": ("operate_saga",),
    "administrator": ("administer_saga",),
    "viewer of shops": ("view:shop",),
    "operator of shops": ("operate:shop",),
    "administrator of shops": ("administer:shop",),
    "administrator of trips": ("administer:trip",),
    "root": (),
}
EVERYBODY: Final = frozenset(ROLES)
ADMINISTRATORS: Final = frozenset({"administrator", "administrator of shops", "root"})
OPERATORS: Final = ADMINISTRATORS | {"operator", "operator of shops"}
VIEWERS: Final = OPERATORS | {"viewer", "viewer of shops", "owner"}
FOR_ALL: Final = frozenset({"viewer", "operator", "administrator", "root"})

ROUTES: Final[dict[str, frozenset[str]]] = {
    "POST /sagas": EVERYBODY,
    "GET /sagas": EVERYBODY,
    "POST /sagas/bulk": EVERYBODY,
    "GET /sagas/bulk": VIEWERS,
    "POST /sagas/actions": OPERATORS | {"administrator of trips"},
    "GET /sagas/actions": VIEWERS,
    "GET /tasks": EVERYBODY,
    "GET /definitions": EVERYBODY,
    "GET /definitions/{saga_type}": EVERYBODY,
    "GET /definitions/{saga_type}/picture": EVERYBODY,
    "GET /sagas/{saga_id}": VIEWERS,
    "GET /sagas/{saga_id}/events": VIEWERS,
    "GET /sagas/{saga_id}/way-back": VIEWERS,
    "GET /sagas/{saga_id}/adoption": ADMINISTRATORS,
    "POST /sagas/{saga_id}/signals/{name}": OPERATORS | {"owner"},
    "POST /sagas/{saga_id}/cancel": OPERATORS | {"owner"},
    "POST /sagas/{saga_id}/pause": OPERATORS,
    "POST /sagas/{saga_id}/resume": OPERATORS,
    "POST /sagas/{saga_id}/retry": OPERATORS,
    "POST /sagas/{saga_id}/reschedule": OPERATORS,
    "POST /sagas/{saga_id}/skip": OPERATORS,
    "POST /sagas/{saga_id}/resolve": OPERATORS,
    "POST /sagas/{saga_id}/amend": OPERATORS,
    "POST /sagas/{saga_id}/adopt": ADMINISTRATORS,
}
"""Who may, of an execution of the type `shop` that `owner` has started."""

LIVE_ROUTES: Final = {
    "sagas-socket": VIEWERS,
    "saga-socket": VIEWERS,
    "stream": VIEWERS,
    "live": EVERYBODY,  # a page without data: it reads the stream
    "metrics": FOR_ALL,
}


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


@pytest.fixture
def somebody(caller: Callable[..., Caller]) -> Iterator[Callable[[str], Caller]]:
    """Makes who has that role."""
    before = set(Permission.objects.values_list("pk", flat=True))

    def make(role: str) -> Caller:
        flags = {"is_staff": role == "clerk", "is_superuser": role == "root"}
        found = caller(role.replace(" ", "-"), **flags)
        found.allow(*ROLES[role])
        return found

    yield make
    Permission.objects.exclude(pk__in=before).delete()  # the rows outlive a test


def test_each_route_of_the_api_has_a_row() -> None:
    found = {
        f"{method} {path}"
        for _, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }
    assert found == set(ROUTES)


def test_each_live_route_has_a_row() -> None:
    found = {each.name for each in urls.urlpatterns if isinstance(each, URLPattern)}
    assert found == set(LIVE_ROUTES)


@pytest.mark.parametrize("role", ROLES)
def test_who_may_use_which_route(role: str, somebody: Callable[[str], Caller]) -> None:
    """A body without anything in it is refused as such, and only to those who may."""
    who = somebody(role)
    owner = who if role == "owner" else somebody("owner")
    for saga_id in ("s-1", "bulk", "actions"):
        engine.start("shop", {}, saga_id=saga_id, owner_id=owner.user.pk)
    for route, who_may in ROUTES.items():
        method, path = route.split()
        address = path.removeprefix("/").format(saga_id="s-1", name="x", saga_type="shop")
        answer = who.get(address) if method == "GET" else who.post(address, {"a": 1})
        if role in who_may:
            assert answer.status_code == (200 if method == "GET" else 422), route
        else:
            hidden = "{saga_id}" in path or method == "GET"
            expected = 404 if hidden and role not in VIEWERS else 403
            assert answer.status_code == expected, route


@pytest.mark.parametrize("role", ROLES)
def test_who_may_follow_and_list(
    role: str, somebody: Callable[[str], Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "in_thread", sync_to_async)  # this thread's connection
    who = somebody(role)
    owner = who if role == "owner" else somebody("owner")
    started = engine.start("shop", {}, saga_id="s-1", owner_id=owner.user.pk)
    try:
        async_to_sync(progress.opened)("s-1", who.user)
        follows = True
    except Closed:
        follows = False
    assert follows == (role in LIVE_ROUTES["stream"])
    listed = [each["saga_id"] for each in who.get("sagas").json()["sagas"]]
    assert listed == (["s-1"] if role in VIEWERS else [])
    assert queries.counts(queries.Filter(), who.user) == ({"pending": 1} if listed else {})
    hidden = queries.hidden_from(who.user, [started.execution_id])
    assert hidden == (set() if listed else {started.execution_id})


@pytest.mark.parametrize("role", ROLES)
def test_who_may_read_the_metrics(role: str, somebody: Callable[[str], Caller]) -> None:
    headers = {"Authorization": f"Bearer {tokens.issue(somebody(role).user)}"}
    answer = Client(headers=headers).get("/metrics")
    assert answer.status_code == (200 if role in LIVE_ROUTES["metrics"] else 403)


def test_many_are_acted_on_where_one_may(somebody: Callable[[str], Caller]) -> None:
    for saga_type in ("shop", "trip"):
        engine.start(saga_type, {}, saga_id=saga_type)
    body = {"action": "cancel", "reason": "x", "filter": {"paused": False}, "dry_run": True}
    assert somebody("operator").post("sagas/actions", body).json()["matched"] == 2
    assert somebody("operator of shops").post("sagas/actions", body).json()["matched"] == 1


@pytest.mark.parametrize(
    ("needed", "who_may"),
    [
        (True, {"starter", "administrator", "administrator of shops", "root"}),
        (["shop"], {"starter", "administrator", "administrator of shops", "root"}),
        (["trip"], EVERYBODY),
        (False, EVERYBODY),
    ],
)
def test_a_start_needs_a_permission_where_the_project_says_so(
    needed: Any, who_may: set[str], somebody: Callable[[str], Caller], settings: Any
) -> None:
    settings.SAGAS = {**settings.SAGAS, "START_NEEDS_PERMISSION": needed}
    for role in ROLES:
        who = somebody(role)
        one = {"saga_type": "shop", "context": {}}
        many = {"saga_type": "shop", "sagas": [{"context": {}}]}
        answers = [who.post("sagas", one), who.post("sagas/bulk", many)]
        expected = 201 if role in who_may else 403
        assert [each.status_code for each in answers] == [expected, expected], role


def test_the_permissions_of_a_group_count(somebody: Callable[[str], Caller]) -> None:
    engine.start("batch", {"items": [1]}, saga_id="b-1")
    permissions.make(using="default", apps=apps)
    who = somebody("stranger")
    group = Group.objects.create(name="packers")
    group.permissions.add(Permission.objects.get(codename="view:batch"))
    who.user.groups.add(group)
    assert who.get("sagas/b-1").status_code == 200
    children = who.get("sagas", parent="b-1").json()["sagas"]
    assert [each["saga_type"] for each in children] == ["batch.pack"]
    permissions.make(using="default", apps=apps)
    assert Permission.objects.filter(codename="view:batch").count() == 1, "made once"


def test_a_command_may_do_everything() -> None:
    started = engine.start("shop", {}, saga_id="s-1")
    found = queries.execution(started.saga_id, access.OPERATOR)
    asked = access.policy()
    assert all(asked.reach(access.OPERATOR, right).is_all for right in Right)
    assert asked.may_operate(access.OPERATOR, found, Adopt)
    assert asked.may_signal(access.OPERATOR, found, "x")


class OwnersOnly(access.Policy):
    """A project's own: nobody has a right to what is somebody else's."""

    def reach(self, user: Any, right: Right) -> access.Reach:
        return access.Reach()


def test_a_project_may_have_its_own_policy(
    somebody: Callable[[str], Caller], settings: Any
) -> None:
    settings.SAGAS = {**settings.SAGAS, "ACCESS_POLICY": f"{__name__}.OwnersOnly"}
    assert check_policy() == []
    owner = somebody("owner")
    engine.start("shop", {}, saga_id="s-1", owner_id=owner.user.pk)
    found = queries.execution("s-1", owner.user)
    assert access.policy().may_operate(owner.user, found, Cancel)
    assert somebody("root").get("sagas/s-1").status_code == 404


@pytest.mark.parametrize("path", ["sagas.access.Nothing", "sagas.access.Reach", "nothing"])
def test_what_is_no_policy_is_told_by_a_check(path: str, settings: Any) -> None:
    settings.SAGAS = {**settings.SAGAS, "ACCESS_POLICY": path}
    [message] = check_policy()
    assert message.id == "sagas.E033"
    assert path in message.msg
