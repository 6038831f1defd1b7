"""What the ASGI server does with each kind of connection: HTTP by Django, sockets by Channels."""

from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from realtime.socket import OrderSocket
from sagas.live import routing
from sagas.live.backpressure import Guard
from sagas.services.lifespan import lifespan

websocket_urlpatterns = [
    path("ws/v1/orders/<str:saga_id>/", OrderSocket.as_asgi()),
    *routing.websocket_urlpatterns,  # the last of them answers at every other path
]


def with_sockets(django_application: Any) -> Guard:
    """The whole application. Django must be set up."""
    return Guard(
        ProtocolTypeRouter(
            {
                "lifespan": lifespan,
                "http": django_application,
                "websocket": URLRouter(websocket_urlpatterns),
            }
        )
    )
