"""System checks of what a project adds to have the console, each with the line that is missing."""

from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import NoReverseMatch, reverse

NEEDED: Final = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
)
"""Apps: for the login, for what is said after an action, for the style and the scripts."""

MIDDLEWARE: Final = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
"""As `startproject` writes it."""

DJANGO_TEMPLATES: Final = "django.template.backends.django.DjangoTemplates"


@register
def check_apps(**_: Any) -> list[CheckMessage]:
    """What the pages are made with is installed."""
    lacking = [name for name in NEEDED if not apps.is_installed(name)]
    if not lacking:
        return []
    return [
        Error(
            f"The console needs {' and '.join(lacking)}, not in INSTALLED_APPS.",
            hint=f"Write INSTALLED_APPS += [{', '.join(map(_quoted, lacking))}].",
            id="sagas.E046",
        )
    ]


@register
def check_middleware(**_: Any) -> list[CheckMessage]:
    """Who is logged in is known, and forms are protected."""
    lacking = [name for name in MIDDLEWARE if name not in settings.MIDDLEWARE]
    if not lacking:
        return []
    return [
        Warning(
            f"The console needs {' and '.join(lacking)}, not in MIDDLEWARE.",
            hint="Add it where `startproject` has it, or silence this check if a class of your own "
            "does the same.",
            id="sagas.W047",
        )
    ]


@register
def check_urls(**_: Any) -> list[CheckMessage]:
    """The pages have an address."""
    try:
        reverse("sagas_console:home")
    except NoReverseMatch:
        return [
            Warning(
                f"sagas.console.urls is not mounted in {settings.ROOT_URLCONF}: the console has no "
                f"address.",
                hint='Add path("console/", include("sagas.console.urls")) to its urlpatterns.',
                id="sagas.W048",
            )
        ]
    return []


@register
def check_templates(**_: Any) -> list[CheckMessage]:
    """Django finds the templates of apps."""
    for engine in settings.TEMPLATES:
        options: Any = engine.get("OPTIONS", {})
        has_loaders = "loaders" in options
        if engine["BACKEND"] == DJANGO_TEMPLATES and (engine.get("APP_DIRS") or has_loaders):
            return []
    return [
        Error(
            "No entry of TEMPLATES finds the templates of apps: the console's pages can't be made.",
            hint=f'Write TEMPLATES = [{{"BACKEND": "{DJANGO_TEMPLATES}", "APP_DIRS": True}}].',
            id="sagas.E049",
        )
    ]


def _quoted(name: str) -> str:
    return f'"{name}"'
