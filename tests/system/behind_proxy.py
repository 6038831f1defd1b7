"""Settings of a web process that nginx stands in front of, below a path (docs/deploying.md)."""

from tests.system.settings import *  # noqa: F403  (settings are extended by name)

ALLOWED_HOSTS = ["localhost"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = True
FORCE_SCRIPT_NAME = "/app"
STATIC_URL = "/app/static/"
CSRF_TRUSTED_ORIGINS = ["https://shop.example"]
