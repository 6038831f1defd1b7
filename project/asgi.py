"""The web process: HTTP by Django, WebSockets by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
# Under ASGI each request may run in a thread of its own: they share a pool of connections.
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from sagas.live.backpressure import Guard
from sagas.live.routing import websocket_urlpatterns
from sagas.services.lifespan import lifespan

application = Guard(
    ProtocolTypeRouter(
        {
            "lifespan": lifespan,
            "http": django_application,
            "websocket": URLRouter(websocket_urlpatterns),
        }
    )
)
