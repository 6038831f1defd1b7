"""The ports on the real PostgreSQL: real requests by Django's client, and no other process."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from sagas import tokens
from sagas.models import SagaExecution


@pytest.fixture(autouse=True)
def _nothing_is_sent(committed: object) -> None:
    """Every test here has `committed`, whether or not it looks at it."""


@dataclass(frozen=True)
class Caller:
    """Somebody with a token."""

    user: Any

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any) -> Any:
        """The body as JSON; bytes as they are."""
        return self.client.post(f"/api/v1/{path}", body, content_type="application/json")

    def allow(self, *codenames: str) -> None:
        """Gives them these permissions, by Django's own rows."""
        for codename in codenames:
            permission, _ = Permission.objects.get_or_create(
                codename=codename,
                content_type=ContentType.objects.get_for_model(SagaExecution),
            )
            self.user.user_permissions.add(permission)

    @cached_property
    def client(self) -> Client:
        return Client(headers={"Authorization": f"Bearer {tokens.issue(self.user)}"})


@pytest.fixture
def caller(transactional_db: None) -> Callable[..., Caller]:
    """Makes a user; staff if it says so."""

    def make(username: str, **what: Any) -> Caller:
        return Caller(get_user_model().objects.create_user(username, **what))

    return make


@pytest.fixture
def alice(caller: Callable[..., Caller]) -> Caller:
    """She owns sagas."""
    return caller("alice")


@pytest.fixture
def boss(caller: Callable[..., Caller]) -> Caller:
    """Of the staff, with the right to do everything."""
    found = caller("boss", is_staff=True)
    found.allow("administer_saga")
    return found
