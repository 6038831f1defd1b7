"""The console on the real PostgreSQL; for a browser, in a web process of its own."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client

from sagas import listeners
from sagas.devserver.child import Command
from sagas.devserver.supervisor import Supervisor, free_port
from sagas.live.push import push
from sagas.machine import Saga
from sagas.models import SagaExecution
from tests.chromium import chromium as chromium
from tests.configured import configure
from tests.console.shop import sagas as shop
from tests.logins import LOGIN, MODEL
from tests.servers import FOLDER
from tests.system.running import REPOSITORY

PASSWORD = "a lamp for Alice"


@pytest.fixture(autouse=True)
def _shop(define: Callable[[Saga], Saga], settings: LazySettings) -> None:
    configure(settings, EVENTS_URL="")
    for saga in shop.ALL:
        define(saga)


@pytest.fixture(autouse=True)
def _only_pushes() -> Iterator[None]:
    """Transitions are told to the pages, and to nobody who would act on them."""
    before = list(listeners._listeners)
    listeners._listeners[:] = [push]
    yield
    listeners._listeners[:] = before


def new_user(name: str, *codenames: str) -> Any:
    found = MODEL.objects.create_user(**{LOGIN: name}, password=PASSWORD)
    for codename in codenames:
        permission, _ = Permission.objects.get_or_create(
            codename=codename, content_type=ContentType.objects.get_for_model(SagaExecution)
        )
        found.user_permissions.add(permission)
    return found


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice(transactional_db: None) -> Any:
    """She owns sagas."""
    return new_user("alice")


@pytest.fixture
def anna(transactional_db: None) -> Any:
    """She operates all of them."""
    return new_user("anna", "operate_saga")


@pytest.fixture
def operator(anna: Any) -> Client:
    return client_of(anna)


@pytest.fixture(scope="module")
def web(django_db_setup: None) -> Iterator[str]:
    """The address of a web process on the database of these tests."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    env = {
        **os.environ,
        "DATABASE_URL": database.geturl(),
        # Of its own: nobody takes its hints, and other tests look at how full the queue is.
        "CELERY_BROKER_URL": urlsplit(os.environ["REDIS_URL"])._replace(path="/9").geturl(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SAGA_APPS": "tests.console.shop",
        "PYTHONUNBUFFERED": "1",
    }
    port = free_port()
    argv = [sys.executable, "-m", "uvicorn", "project.asgi:application", "--port", str(port)]
    ready = f"http://127.0.0.1:{port}/health/live"
    with Supervisor(FOLDER / "logs" / "console", REPOSITORY, say=lambda _: None) as supervisor:
        supervisor.start(Command("web", argv, env, ready=ready))
        yield f"http://127.0.0.1:{port}"
