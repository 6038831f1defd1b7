"""Two kinds of views: the page of one saga as it goes, and a WebSocket, whose address is where
`sagas.urls` is mounted.

Over HTTP a socket's view says that here is a WebSocket, and what hands it on. `sagas.live.asgi`
does, and finds the socket by the view.
"""

from collections.abc import Callable
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sagas.non_atomic import non_atomic

UPGRADE_REQUIRED: Final = (
    "This is the address of a WebSocket. If you opened one, the server did not pass it on: wrap "
    "the application "
    "in your project's asgi.py with sagas.live.asgi.with_live_progress, and serve it with an ASGI "
    "server, such as uvicorn with the package websockets.\n"
)


@non_atomic
def live(request: HttpRequest, saga_id: str) -> HttpResponse:
    """`GET /live/{saga_id}`: the page, the same for everybody. It shows what its script reads from
    the stream, so it needs no rights of its own: the stream tells who may not see the saga."""
    # Where `sagas.urls` is mounted; all that the script reads is below it.
    named = {"saga_id": saga_id, "base": request.path.removesuffix(f"live/{saga_id}")}
    return render(request, "sagas/live.html", named)


def socket(consumer: type[AsyncWebsocketConsumer]) -> Callable[..., HttpResponse]:
    """A view that answers 426, and has the ASGI application of the WebSocket as `websocket`."""

    @non_atomic
    def view(request: HttpRequest, **_: Any) -> HttpResponse:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}  # RFC 9110, 15.5.22
        return HttpResponse(UPGRADE_REQUIRED, "text/plain", status=426, headers=headers)

    view.websocket = consumer.as_asgi()  # type: ignore[attr-defined]
    return view
