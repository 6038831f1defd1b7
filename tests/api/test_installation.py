"""What `manage.py check` says to a project that lacks something."""

from typing import Any

import pytest
from celery import Celery, current_app
from django.apps import apps
from django.core.checks import CheckMessage
from django.db import connection

from sagas import extras, installation
from sagas.live.redis_layer import redis_layer
from tests.configured import configure

urlpatterns: list[Any] = []


def told(found: list[CheckMessage]) -> tuple[str, str]:
    [message] = found
    assert message.hint
    return str(message.id), message.hint


def test_a_project_that_has_all_hears_nothing() -> None:
    checks = [
        *(installation.check_database, installation.check_celery_app, installation.check_extras),
        *(installation.check_urls, installation.check_asgi),
    ]
    assert [message for check in checks for message in check()] == []


def test_another_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    identity, hint = told(installation.check_database())
    assert identity == "sagas.E040"
    assert "django.db.backends.postgresql" in hint


@pytest.fixture
def own_app() -> Any:
    """Makes another app the current one, until the test ends."""
    before = current_app._get_current_object()

    def make(*arguments: Any, **options: Any) -> Celery:
        app = Celery(*arguments, **options, fixups=[])
        app.set_current()
        return app

    yield make
    before.set_current()


def test_a_project_without_a_celery_app_is_told_where_to_make_it(own_app: Any) -> None:
    own_app("default", set_as_current=False)  # as Celery makes its own
    identity, hint = told(installation.check_celery_app())
    assert identity == "sagas.E041"
    assert "`from .celery import app` in project/__init__.py" in hint


def test_an_app_without_a_broker_is_told(own_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL")
    own_app("shop")
    assert told(installation.check_celery_app())[0] == "sagas.W042"
    own_app("shop", broker="memory://")
    assert installation.check_celery_app() == []


def test_consul_without_its_client_is_refused(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(settings, CONSUL={"HTTP_ADDR": "127.0.0.1:8500"})
    assert installation.check_extras() == []
    monkeypatch.setitem(extras.PACKAGES, "consul", ("no_such_module",))
    identity, hint = told(installation.check_extras())
    assert (identity, "sagas-for-django[consul]" in hint) == ("sagas.E043", True)


def test_a_project_that_does_not_mount_it_is_told(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    identity, hint = told(installation.check_urls())
    assert (identity, 'include("sagas.urls")' in hint) == ("sagas.W044", True)


@pytest.mark.parametrize(
    "asgi", ["tests.pages.application", "no_such_package.asgi.application", "application"]
)
def test_an_asgi_application_that_passes_no_socket_on_is_told(settings: Any, asgi: str) -> None:
    settings.ASGI_APPLICATION = asgi
    identity, hint = told(installation.check_asgi())
    assert (identity, "with_live_progress(application)" in hint) == ("sagas.W045", True)


def test_without_live_progress_nobody_misses_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ASGI_APPLICATION = "tests.pages.application"
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "sagas.live")
    assert installation.check_asgi() == []


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("valkey://host:6379/1", "redis://host:6379/1"),
        ("redis+socket:///run/valkey.sock?virtual_host=2", "unix:///run/valkey.sock?db=2"),
    ],
)
def test_a_layer_is_found_at_the_brokers_url(url: str, address: str) -> None:
    assert redis_layer(url)["CONFIG"]["hosts"][0]["address"] == address
