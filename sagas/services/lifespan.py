"""This service in the registry: from the start of its web process to its end."""

import asyncio
import atexit
import os
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from sagas.conf import conf
from sagas.services.registry import Presence, registry_of_settings


def presence() -> Presence | None:
    """That of this process; None unless `CONSUL` and `SERVICE_URL` say where and what.

    Raises ImproperlyConfigured for an address that is none, and without the health check that the
    registry asks.
    """
    if not conf.CONSUL.get("HTTP_ADDR") or not conf.SERVICE_URL:
        return None
    try:
        health = reverse("sagas:health")
        registry = registry_of_settings()
        return Presence(registry, conf.SERVICE_NAME, conf.SERVICE_URL, health)
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            "The registry checks the health of this service, but sagas.urls is not included: add "
            '`path("sagas/", include("sagas.urls"))` to your `urlpatterns`.'
        ) from error
    except ValueError as error:
        raise ImproperlyConfigured(f"The service can't be registered: {error}") from error


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """ASGI's lifespan protocol, version 2.0: what a server does before its first request and after
    its last."""
    found: Presence | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                found = presence()
            except ImproperlyConfigured as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            if found is not None:
                found.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if found is not None:
                await asyncio.to_thread(found.stop)
            await send({"type": "lifespan.shutdown.complete"})
            return


class StayRegistered:
    """A middleware for those who deploy under WSGI, which knows no lifespan: put it first.

    Django makes it when the application is loaded, before the first request; in a server that
    loads before it forks, each process makes its own at its first request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._pid = 0
        self._begin()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._pid != os.getpid():
            self._begin()
        return self._get_response(request)

    def _begin(self) -> None:
        self._pid = os.getpid()
        if (found := presence()) is not None:
            found.start()
            atexit.register(self._end, self._pid, found)

    @staticmethod
    def _end(pid: int, found: Presence) -> None:
        if pid == os.getpid():  # not in a child that was forked since
            found.stop()
