"""The ASGI application around a project's own: what `sagas.live.asgi` makes."""

import re
from typing import Any, Final

from django.core.handlers.asgi import ASGIHandler
from django.urls import Resolver404, resolve

from sagas.live.backpressure import Backpressure, without_prefix
from sagas.live.sockets import NoSuchSocket
from sagas.services.lifespan import lifespan, presence

_STREAM: Final = re.compile(r"/api/v1/sagas/[^/]+/stream$")
"""How the path of an event stream of ours ends. A project's own have no limit from here."""


class Entrance:
    """Takes the WebSockets whose address is that of a view of `sagas.live.views`."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._is_django = isinstance(application, ASGIHandler)
        self._streams = Backpressure(application)
        self._no_socket = Backpressure(NoSuchSocket.as_asgi())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        application = self._application
        match scope["type"]:
            case "websocket":
                scope, application = self._socket(scope)
            case "lifespan" if presence() is not None:
                application = lifespan
            case "http" if _STREAM.search(scope["path"]):
                application = self._streams
        await application(scope, receive, send)

    def _socket(self, scope: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Whose it is, and the scope that it gets."""
        try:
            found = resolve(without_prefix(scope)["path"])
            websocket = found.func.websocket  # type: ignore[attr-defined]  # not every view has one
        except (Resolver404, AttributeError):
            return scope, self._no_socket if self._is_django else self._application
        route = {"args": found.args, "kwargs": found.kwargs}  # where Channels puts them
        return {**scope, "url_route": route}, Backpressure(websocket)
