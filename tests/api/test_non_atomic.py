"""In a project with ATOMIC_REQUESTS: no view of ours is called within a transaction."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.auth import get_user_model
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from sagas.machine import Saga
from sagas.models import SagaExecution
from tests.api.conftest import Caller
from tests.api.scenes import ALL
from tests.engine.round_trips import round_trips

pytestmark = pytest.mark.django_db(transaction=True)

OURS = ("sagas.", "project.", "ninja.")
"""Where views come from that are ours: those of the API are Ninja's functions."""


@pytest.fixture(autouse=True)
def _atomic_requests() -> Iterator[None]:
    with mock.patch.dict(connection.settings_dict, ATOMIC_REQUESTS=True):
        yield


@pytest.fixture(autouse=True)
def _sagas(define: Callable[[Saga], Saga]) -> None:
    for saga in ALL:
        define(saga)


def views(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield path, pattern.callback
        else:
            yield from views(pattern, path)


def is_ours(view: Any) -> bool:
    view = getattr(view, "func", view)  # a partial, as some of Ninja's are
    admin = getattr(view, "model_admin", None)
    return f"{type(admin).__module__ if admin else view.__module__}.".startswith(OURS)


def test_no_view_of_ours_is_made_atomic() -> None:
    """Whatever address there is: one that is added tomorrow, too."""
    ours = {path: view for path, view in views(get_resolver()) if is_ours(view)}
    assert {"metrics", "health/", "api/v1/sagas", "live/<str:saga_id>"} <= ours.keys()
    assert "admin/sagas/sagaexecution/" in ours
    for path, view in ours.items():
        made = BaseHandler().make_view_atomic(view)
        assert made is view, f"{path} runs in a transaction: mark it by `non_atomic`."
    assert any(iscoroutinefunction(view) for view in ours.values())


def test_a_start_is_one_transaction_of_its_own(alice: Caller, committed: list[Any]) -> None:
    body = {"saga_type": "shop", "saga_id": "s-1", "context": {}}
    with round_trips() as sent:
        assert alice.post("sagas", body).status_code == 201
    assert not any("BEGIN" in each.upper() for each in map(str, sent)), sent
    assert committed  # told at once, and not after the request
    many = {"saga_type": "shop", "sagas": [{"context": {}}, {"saga_id": "!", "context": {}}]}
    assert alice.post("sagas/bulk", many).status_code == 422
    assert SagaExecution.objects.count() == 1


def test_actions_signals_and_pages_work(alice: Caller, boss: Caller) -> None:
    for saga_type in ("shop", "approval"):
        body: dict[str, Any] = {"saga_type": saga_type, "saga_id": saga_type, "context": {}}
        assert alice.post("sagas", body).status_code == 201
    assert alice.post("sagas/approval/signals/approved", {"payload": 1}).status_code == 200
    assert boss.post("sagas/shop/pause", {"reason": "stock"}).status_code == 200
    wanted = {"action": "resume", "reason": "go", "filter": {"saga_type": "shop"}}
    assert boss.post("sagas/actions", wanted).json()["done"] == 1
    assert alice.get("sagas").status_code == 200
    assert alice.post("sagas/shop/cancel", {"reason": "no"}).status_code == 200


def test_the_admin_acts(alice: Caller) -> None:
    alice.post("sagas", {"saga_type": "shop", "saga_id": "shop", "context": {}})
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root@example.com", password="x"))
    found = SagaExecution.objects.get()
    form = {"action": "pause", "_selected_action": [found.pk], "confirmed": "yes", "reason": "r"}
    answer = client.post("/admin/sagas/sagaexecution/", form)
    assert answer.status_code == 302, answer.content[:500]
    found.refresh_from_db()
    assert found.paused
