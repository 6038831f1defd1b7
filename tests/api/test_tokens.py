"""Tokens: who a token stands for, how far it goes, and when it ends."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sagas import Saga, SagaStep, WaitFor, access, engine, tokens
from sagas.errors import BadInput
from sagas.models import SagaExecution, SagaToken
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)


def with_token(token: str, client: Client | None = None) -> Callable[..., Any]:
    """A request with that token; the status, and the body."""

    def ask(method: str, path: str, **body: Any) -> Any:
        call = getattr(client or Client(), method)
        headers = {"Authorization": f"Bearer {token}"}
        given = {"data": body, "content_type": "application/json"} if method == "post" else {}
        return call(f"/api/v1/{path}", headers=headers, **given)

    return ask


def scoped(user: Any, *scopes: str) -> Callable[..., Any]:
    return with_token(tokens.issue(user, scopes=scopes))


def test_only_a_digest_is_kept(alice: Caller) -> None:
    token = tokens.issue(alice.user, "deploys")
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(t)::text FROM sagas_sagatoken t")
        [(row,)] = cursor.fetchall()
    assert token.removeprefix(tokens.BEGINNING)[8:] not in row
    assert token.startswith(SagaToken.objects.get().beginning)


@pytest.mark.parametrize(
    "ends",
    [
        lambda user: tokens.revoke(SagaToken.objects.filter(user=user)),
        lambda user: SagaToken.objects.update(expires_at=timezone.now()),
        lambda user: type(user).objects.filter(pk=user.pk).update(is_active=False),
        lambda user: (user.set_password("another"), user.save()),
        lambda user: user.delete(),
    ],
    ids=["revoked", "expired", "inactive", "another password", "deleted"],
)
def test_how_a_token_ends(alice: Caller, ends: Callable[[Any], object]) -> None:
    ask = scoped(alice.user)
    other = SagaToken.objects.get()
    assert ask("get", "sagas").status_code == 200
    ends(alice.user)
    answer = ask("get", "sagas")
    assert answer.status_code == 401
    assert answer.json()["error"] == "not_authenticated"
    assert other.digest


@pytest.mark.parametrize("token", ["", "saga_", "saga_x", "x" * 8000, "saga_\u00e4", "saga_a b"])
def test_a_token_of_nobody(token: str, db: None) -> None:
    assert tokens.user_of(token) is None


def test_a_wrong_token_is_refused_whatever_session_there_is(alice: Caller) -> None:
    client = Client()
    client.force_login(alice.user)
    assert client.get("/api/v1/sagas").status_code == 200
    assert with_token("saga_wrong", client)("get", "sagas").status_code == 401
    assert with_token("", client)("get", "sagas").status_code == 401


def test_a_new_secret_key_ends_tokens_only_when_the_old_one_is_forgotten(
    alice: Caller, settings: Any
) -> None:
    token, old = tokens.issue(alice.user), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [old]
    assert tokens.user_of(token) == alice.user
    settings.SECRET_KEY_FALLBACKS = []
    assert tokens.user_of(token) is None


def test_two_are_live_at_a_time_and_each_is_revoked_alone(alice: Caller) -> None:
    old, new = tokens.issue(alice.user, "old"), tokens.issue(alice.user, "new")
    assert tokens.user_of(old) == tokens.user_of(new) == alice.user
    assert tokens.revoke(SagaToken.objects.filter(name="old")) == 1
    assert tokens.revoke(SagaToken.objects.filter(name="old")) == 0, "it was revoked before"
    assert tokens.user_of(old) is None
    assert tokens.user_of(new) == alice.user


def test_the_last_use_is_written_once_a_minute(alice: Caller) -> None:
    token = tokens.issue(alice.user)
    assert tokens.user_of(token)
    first = SagaToken.objects.get().last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as sent:
        assert tokens.user_of(token)
    assert len(sent) == 1, "it is read, and nothing is written"
    SagaToken.objects.update(last_used_at=first - timedelta(minutes=1))
    assert tokens.user_of(token)
    again = SagaToken.objects.get().last_used_at
    assert again is not None
    assert again >= first


def test_a_server_that_only_reads_still_knows_its_tokens(alice: Caller) -> None:
    token = tokens.issue(alice.user)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            assert tokens.user_of(token) == alice.user
        finally:
            cursor.execute("SET default_transaction_read_only = off")
    assert SagaToken.objects.get().last_used_at is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"scopes": ["write"]}, "scope"),
        ({"scopes": ["view:no type"]}, "scope"),
        ({"scopes": ["view:"]}, "scope"),
        ({"scopes": [""]}, "scope"),
        ({"scopes": ["view shop"]}, "scope"),
        ({"scopes": [f"view:t{number}" for number in range(51)]}, "scope"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"lifetime": 0}, "lifetime"),
        ({"lifetime": -1}, "lifetime"),
        ({"lifetime": float("nan")}, "lifetime"),
        ({"lifetime": 1e12}, "lifetime"),
    ],
)
def test_what_can_not_be_is_refused(alice: Caller, given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        tokens.issue(alice.user, **given)
    assert list(caught.value.fields) == [field]
    assert not SagaToken.objects.exists()


@pytest.fixture
def sagas(define: Any, alice: Caller, caller: Callable[..., Caller]) -> None:
    """One of alice's and one of bob's."""
    define(Saga("shop", [SagaStep("reserve", lambda _: None), WaitFor("paid")]))
    for name, who in (("a", alice), ("b", caller("bob"))):
        engine.start("shop", {}, saga_id=name, owner_id=who.user.pk)


def seen(ask: Callable[..., Any]) -> list[str]:
    return sorted(saga["saga_id"] for saga in ask("get", "sagas").json()["sagas"])


def test_scopes_narrow_what_the_user_may_and_never_widen_it(sagas: None, alice: Caller) -> None:
    mine = scoped(alice.user, "view", "operate")
    assert seen(mine) == ["a"], "a scope is no permission"
    assert mine("get", "sagas/b").status_code == 404
    alice.allow("operate_saga")
    assert seen(scoped(alice.user, "view")) == ["a", "b"]
    assert seen(scoped(alice.user, "start")) == []
    assert seen(scoped(alice.user, "view:trip")) == []
    assert seen(scoped(alice.user, "view:shop")) == ["a", "b"]
    assert scoped(alice.user, "view:trip")("get", "sagas/a").status_code == 404


def test_what_is_only_to_be_read_starts_and_ends_nothing(sagas: None, alice: Caller) -> None:
    read = scoped(alice.user, "view")
    assert read("get", "sagas/a").status_code == 200
    for path, body in (
        ("sagas", {"saga_type": "shop", "context": {}}),
        ("sagas/a/cancel", {"reason": "no"}),
        ("sagas/a/signals/paid", {"payload": 1}),
    ):
        answer = read("post", path, **body)
        assert answer.status_code == 403, path
        assert "scope" in answer.json()["detail"]
    assert SagaExecution.objects.count() == 2
    assert SagaExecution.objects.get(saga_id="a").status == "pending"


def test_what_is_only_to_start_reads_nothing(sagas: None, alice: Caller) -> None:
    start = scoped(alice.user, "start:shop")
    assert start("post", "sagas", saga_type="shop", context={}).status_code == 201
    assert start("get", "sagas/a").status_code == 404
    other = scoped(alice.user, "start:trip")
    assert other("post", "sagas", saga_type="shop", context={}).status_code == 403


def test_a_policy_of_a_project_is_narrowed_alike(sagas: None, alice: Caller, settings: Any) -> None:
    settings.SAGAS = {**settings.SAGAS, "ACCESS_POLICY": "tests.api.test_tokens.EverybodySees"}
    assert seen(scoped(alice.user)) == ["a", "b"]
    assert seen(scoped(alice.user, "view:trip")) == []


class EverybodySees(access.Policy):
    def reach(self, user: Any, right: access.Right) -> access.Reach:
        return access.EVERYTHING


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("saga", *arguments, stdout=out)
    return out.getvalue()


def test_the_commands_issue_list_and_revoke(alice: Caller) -> None:
    login = alice.user.get_username()
    issue = ("token", login, "--name", "deploys", "--scope", "view", "--scope", "start:shop")
    token = said(*issue, "--days", "90").strip()
    found = SagaToken.objects.get()
    assert timedelta(days=89) < found.expires_at - timezone.now() <= timedelta(days=90)
    line = said("tokens", "--user", login)
    assert line.startswith(f"{found.pk}  {token[:13]}…  {login}  deploys  view start:shop  never")
    assert token not in line
    assert tokens.user_of(token) == alice.user
    assert said("revoke", str(found.pk)) == "Revoked: 1\n"
    assert tokens.user_of(token) is None
    assert said("tokens") == ""
    assert "revoked" in said("tokens", "--all")
    said("token", login)
    assert said("revoke", "--user", login) == "Revoked: 1\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "alice", "--scope", "write"),
        ("token", "alice", "--days", "0"),
        ("token", "alice", "--days", "99999"),
        ("tokens", "--user", "nobody"),
        ("revoke",),
        ("revoke", "7"),
        ("revoke", "x"),
        ("revoke", "--user", "nobody"),
    ],
)
def test_a_wrong_command_says_so_and_changes_nothing(
    alice: Caller, arguments: tuple[str, ...]
) -> None:
    given = [alice.user.get_username() if each == "alice" else each for each in arguments]
    with pytest.raises(CommandError):
        said(*given)
    assert not SagaToken.objects.exists()


def test_the_admin_lists_and_revokes_and_shows_no_secret(alice: Caller, admin_user: Any) -> None:
    token = tokens.issue(alice.user, "deploys", scopes=["view"])
    client = Client()
    client.force_login(admin_user)
    page = client.get("/admin/sagas/sagatoken/")
    assert page.status_code == 200
    assert b"deploys" in page.content
    found = SagaToken.objects.get()
    one = client.get(f"/admin/sagas/sagatoken/{found.pk}/change/")
    for content in (page.content, one.content):
        assert found.digest.encode() not in content
        assert token.encode() not in content
    chosen = {"action": "revoke", "_selected_action": [found.pk]}
    assert client.post("/admin/sagas/sagatoken/", chosen).status_code == 302
    assert tokens.user_of(token) is None
