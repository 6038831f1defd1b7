"""System checks of what a project adds to have the library: in the order of docs/adoption.md, each
with the line that is missing."""

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from celery.app import app_or_default
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connection
from django.urls import NoReverseMatch, reverse

from sagas import extras
from sagas.conf import conf


@register
def check_database(**_: Any) -> list[CheckMessage]:
    """The default database is PostgreSQL."""
    if connection.vendor == "postgresql":
        return []
    return [
        Error(
            f"The default database is {connection.display_name}: the engine needs PostgreSQL.",
            hint='Write DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", …}}.',
            id="sagas.E040",
        )
    ]


@register
def check_celery_app(**_: Any) -> list[CheckMessage]:
    """Every process of the project has its Celery app, and the app a broker."""
    app = app_or_default()
    if app.main == "default" and not app.set_as_current:  # as Celery makes it if there is none
        package = _package()
        return [
            Error(
                "No Celery app is loaded with the project: no worker would ever be told of a step.",
                hint=f"Make your app in {package}/celery.py, and write `from .celery import app` "
                f"in {package}/__init__.py.",
                id="sagas.E041",
            )
        ]
    if app.conf.broker_write_url or app.conf.broker_url:
        return []
    return [
        Warning(
            f"The Celery app {app.main!r} names no broker: it tries amqp://localhost.",
            hint='Write CELERY_BROKER_URL = "redis://localhost:6379/0", or the URL of your broker.',
            id="sagas.W042",
        )
    ]


@register
def check_extras(**_: Any) -> list[CheckMessage]:
    """What the settings ask for is installed."""
    lacking = extras.missing("consul") if conf.CONSUL.get("HTTP_ADDR") else []
    if not lacking:
        return []
    return [
        Error(
            f"SAGAS['CONSUL'] names an agent, and {' and '.join(lacking)} can't be imported.",
            hint=f"Run {extras.command('consul')}",
            id="sagas.E043",
        )
    ]


@register
def check_urls(**_: Any) -> list[CheckMessage]:
    """The API and the health checks have an address."""
    try:
        reverse("sagas:health")
    except NoReverseMatch:
        return [
            Warning(
                f"sagas.urls is not mounted in {settings.ROOT_URLCONF}: there is no API, no health "
                f"check and no live page.",
                hint='Add path("sagas/", include("sagas.urls")) to its urlpatterns.',
                id="sagas.W044",
            )
        ]
    return []


@register
def check_asgi(**_: Any) -> list[CheckMessage]:
    """WebSockets are passed on. It reads the file and does not import it, which would act."""
    if not apps.is_installed("sagas.live"):
        return []
    beside = f"{_package()}.asgi.application".lstrip(".")
    application = str(getattr(settings, "ASGI_APPLICATION", None) or beside)
    module, _dot, name = application.rpartition(".")
    if "sagas.live" in _source(module):
        return []
    return [
        Warning(
            f"{module} does not mention sagas.live.asgi: WebSockets of live progress are refused.",
            hint=f"Write {name} = with_live_progress({name}) there, or silence this check if "
            f"another module does so.",
            id="sagas.W045",
        )
    ]


def _source(module: str) -> str:
    """The text of a module; empty if there is no such file."""
    with suppress(ImportError, OSError, ValueError):  # ValueError: it is no name of a module
        spec = find_spec(module)
        return Path(spec.origin).read_text(errors="replace") if spec and spec.origin else ""
    return ""


def _package() -> str:
    """The project's, in which startproject puts settings.py, urls.py and asgi.py."""
    return str(settings.ROOT_URLCONF).rpartition(".")[0]
