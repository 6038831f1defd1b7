"""The web process: HTTP by Django, live progress around it."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
# Under ASGI each request may run in a thread of its own: they share a pool of connections.
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

from django.core.asgi import get_asgi_application

from sagas.live.asgi import with_live_progress

application = with_live_progress(get_asgi_application())
