"""A WebSocket as one of Django's views, so that its address is where `sagas.urls` is mounted.

Over HTTP the view says that here is a WebSocket, and what hands it on. `sagas.live.asgi` does, and
finds the socket by the view.
"""

from collections.abc import Callable
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import HttpRequest, HttpResponse

from sagas.non_atomic import non_atomic

UPGRADE_REQUIRED: Final = (
    "Here is a WebSocket. If you opened one, the server did not pass it on: wrap the application "
    "in your project's asgi.py by sagas.live.asgi.with_live_progress, and serve it by an ASGI "
    "server, such as uvicorn with the package websockets.\n"
)


def socket(consumer: type[AsyncWebsocketConsumer]) -> Callable[..., HttpResponse]:
    """A view that answers 426, and has the ASGI application of the WebSocket as `websocket`."""

    @non_atomic
    def view(request: HttpRequest, **_: Any) -> HttpResponse:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}  # RFC 9110, 15.5.22
        return HttpResponse(UPGRADE_REQUIRED, "text/plain", status=426, headers=headers)

    view.websocket = consumer.as_asgi()  # type: ignore[attr-defined]
    return view
