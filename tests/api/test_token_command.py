"""`manage.py saga token`: for whoever the project's users are, by what they log in by."""

import io

import pytest
from django.core.management import CommandError, call_command

from sagas import tokens
from tests.logins import LOGIN, MODEL

pytestmark = pytest.mark.django_db(transaction=True)


def token_for(*arguments: str) -> str:
    said = io.StringIO()
    call_command("saga", "token", *arguments, stdout=said)
    return said.getvalue().strip()


def test_a_token_stands_for_its_user() -> None:
    token = token_for("alice@example.com", "--create")
    user = MODEL.objects.get(**{LOGIN: "alice@example.com"})
    assert tokens.user_of(token) == user
    assert tokens.user_of(token_for("alice@example.com")) == user
    MODEL.objects.update(is_active=False)
    assert tokens.user_of(token) is None


def test_who_is_not_there_is_made_only_if_one_says_so() -> None:
    with pytest.raises(CommandError, match="--create"):
        token_for("nobody")
    assert not MODEL.objects.exists()


def test_a_user_who_takes_more_than_a_login_is_the_projects_own_to_make(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def create_user(**fields: str) -> None:
        raise TypeError("missing 1 required argument: 'tenant'")

    monkeypatch.setattr(MODEL._default_manager, "create_user", create_user, raising=False)
    with pytest.raises(CommandError, match=r"more than a .*'tenant'"):
        token_for("alice@example.com", "--create")
