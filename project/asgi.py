"""The web process: HTTP by Django, WebSockets by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
# Under ASGI each request may run in a thread of its own: they share a pool of connections.
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from realtime.routing import with_sockets

application = with_sockets(django_application)
