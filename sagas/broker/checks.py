"""System checks (`manage.py check`): the addresses of the servers that pushes, events and hints go
by are spelled as those read them who connect there."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string
from kombu.transport.redis import SentinelTransport
from redis import ConnectionPool

from sagas.broker.connection import SCHEMES
from sagas.broker.urls import for_kombu, for_redis_py, without_password
from sagas.conf import conf

_KOMBU: Final = (
    "Begin it with amqp://, amqps://, redis://, rediss://, redis+socket:///path or "
    "sentinel://host:26379 (with `master_name` in the transport options)."
)
_REDIS_PY: Final = "Begin it with redis://, rediss:// or unix:///path."


@register
def check_bus(**_: Any) -> list[CheckMessage]:
    """The bus is a broker that it can work with, or there is none."""
    scheme = urlsplit(conf.EVENTS_URL).scheme
    if not conf.EVENTS_URL or scheme in SCHEMES:
        return []
    return [
        Error(
            f"The event bus can't be a {scheme!r}: EVENTS_URL names no broker that it knows.",
            hint=f"Begin it with one of {', '.join(SCHEMES)}, or leave it empty for no events.",
            id="sagas.E005",
        )
    ]


@register
def check_broker(**_: Any) -> list[CheckMessage]:
    """Kombu can read where Celery's broker is, and a Sentinel is asked for a primary's name."""
    celery = current_app.conf
    for connect, url in (
        (current_app.connection_for_write, celery.broker_write_url or celery.broker_url),
        (current_app.connection_for_read, celery.broker_read_url or celery.broker_url),
    ):
        try:
            _ask_kombu(connect)
        except Exception as error:
            urls = [url] if isinstance(url, str) else url
            hint = _hint(";".join(urls or ()), for_kombu, _KOMBU)
            return [_error(f"Celery can't use CELERY_BROKER_URL: {_said(error)}", hint, 20)]
    return []


@register
def check_caches(**_: Any) -> list[CheckMessage]:
    """redis-py can read where Django's caches are."""
    found: list[CheckMessage] = []
    for name, cache in settings.CACHES.items():
        if not issubclass(import_string(str(cache["BACKEND"])), RedisCache):
            continue
        location = cache.get("LOCATION", ())
        urls = re.split("[;,]", location) if isinstance(location, str) else location
        found += _unreadable(urls, f"CACHES[{name!r}]", 21)
    return found


@register
def check_channel_layer(**_: Any) -> list[CheckMessage]:
    """Pushes reach other processes, and redis-py can read where the channel layers are."""
    if not apps.is_installed("sagas.live"):
        return []
    default = (getattr(settings, "CHANNEL_LAYERS", None) or {}).get("default", {})
    backend = default.get("BACKEND", "")
    found: list[CheckMessage] = []
    if not backend or backend.endswith(".InMemoryChannelLayer"):
        found.append(
            Warning(
                f"CHANNEL_LAYERS has {'an in-memory' if backend else 'no'} default layer: what "
                f"workers do is seen in streams up to two seconds later.",
                hint='Write CHANNEL_LAYERS = {"default": redis_layer(CELERY_BROKER_URL)}, from '
                "sagas.live.redis_layer, with the URL of any Redis or Valkey; or silence this "
                "check.",
                id="sagas.W020",
            )
        )
    for name, layer in (getattr(settings, "CHANNEL_LAYERS", None) or {}).items():
        if layer.get("BACKEND", "").startswith("channels_redis."):
            hosts = (layer.get("CONFIG") or {}).get("hosts") or ()
            urls = [each.get("address") if isinstance(each, dict) else each for each in hosts]
            texts = (each for each in urls if isinstance(each, str))
            found += _unreadable(texts, f"CHANNEL_LAYERS[{name!r}]", 22)
    return found


def _unreadable(urls: Any, what: str, number: int) -> Iterator[CheckMessage]:
    for url in urls:
        try:
            ConnectionPool.from_url(url).make_connection()  # connects to nothing yet
        except Exception as error:
            hint = _hint(url, for_redis_py, _REDIS_PY)
            yield _error(f"redis-py can't use an address of {what}: {_said(error)}", hint, number)


def _ask_kombu(connect: Callable[[], Any]) -> None:
    """Raises whatever it says. Connects to nothing."""
    with connect() as connection:
        transport, options = connection.transport, connection.transport_options
        if isinstance(transport, SentinelTransport) and not options.get("master_name"):
            raise ValueError("CELERY_BROKER_TRANSPORT_OPTIONS has no `master_name` for Sentinel.")
        if transport.driver_type == "redis" and connection.virtual_host not in (None, "/", ""):
            int(connection.virtual_host.strip("/"))


def _hint(url: str, spelled: Callable[[str], str], otherwise: str) -> str:
    found = spelled(url)
    return otherwise if found == url else f"Write {without_password(found)}"


def _said(error: Exception) -> str:
    """KeyError puts quotes around what it says."""
    return str(error.args[0] if error.args else error)[:500]


def _error(text: str, hint: str, number: int) -> Error:
    return Error(text, hint=hint, id=f"sagas.E0{number}")
