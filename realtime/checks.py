"""System checks (`manage.py check`) of the event bus."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from realtime.bus.broker import SCHEMES


@register
def check_bus(**_: Any) -> list[CheckMessage]:
    """The bus is a broker that it can work with, or there is none."""
    scheme = urlsplit(settings.EVENTS_URL).scheme
    if not settings.EVENTS_URL or scheme in SCHEMES:
        return []
    return [
        Error(
            f"The event bus can't be a {scheme!r}: EVENTS_URL names no broker that it knows.",
            hint=f"Begin it with one of {', '.join(SCHEMES)}, or leave it empty for no events.",
            id="sagas.E005",
        )
    ]
