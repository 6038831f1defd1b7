"""Settings of a web process behind nginx, below a path, and without a channel layer
(docs/deploying.md)."""

from tests.system.settings import *  # noqa: F403  (settings are extended by name)

ALLOWED_HOSTS = ["localhost"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = True
FORCE_SCRIPT_NAME = "/app"
STATIC_URL = "/app/static/"
CSRF_TRUSTED_ORIGINS = ["https://shop.example"]
CHANNEL_LAYERS = {}
