"""What a project lacks to have the console is said, with the line to add."""

from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings

from sagas.console import checks

urlpatterns: list[Any] = []


def test_this_project_lacks_nothing() -> None:
    for check in (
        checks.check_apps,
        checks.check_middleware,
        checks.check_urls,
        checks.check_templates,
    ):
        assert check() == []


def test_an_app_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "django_htmx")
    [message] = checks.check_apps()
    assert message.id == "sagas.E046"
    assert 'INSTALLED_APPS += ["django_htmx"]' in str(message.hint)


def test_a_middleware_that_is_missing(settings: LazySettings) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "messages" not in each]
    [message] = checks.check_middleware()
    assert message.id == "sagas.W047"
    assert "MessageMiddleware" in message.msg


def test_a_console_without_an_address(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.console.test_checks"
    [message] = checks.check_urls()
    assert message.id == "sagas.W048"
    assert 'include("sagas.console.urls")' in str(message.hint)


def test_templates_that_are_not_found(settings: LazySettings) -> None:
    settings.TEMPLATES = [{"BACKEND": checks.DJANGO_TEMPLATES}]
    [message] = checks.check_templates()
    assert message.id == "sagas.E049"
