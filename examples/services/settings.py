"""Settings of one service, the one that the environment's SERVICE names.

Reads SERVICE (set by `python -m examples.services`) and DATABASE_URL (an existing, empty or
already migrated PostgreSQL database that belongs to this service alone); with CONSUL_HTTP_ADDR
the service registers itself in Consul.
"""

import os
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from examples.services import SERVICES

SERVICE = os.environ.get("SERVICE", "")
if SERVICE not in SERVICES:
    raise ImproperlyConfigured(
        f"SERVICE is {SERVICE!r}, which is no service: set it to one of {', '.join(SERVICES)}, "
        "or start the service with `python -m examples.services SERVICE --port N`."
    )
if "DATABASE_URL" not in os.environ:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set: give the address of this service's own database, such as "
        f"postgresql://postgres@127.0.0.1:5432/svc_{SERVICE}."
    )

# Longer than any request here takes, on a busy machine too; the next attempt may wait again.
LOCK_SECONDS = 10

# Health checks, so that a restart of the database costs no request.
_database = dj_database_url.parse(os.environ["DATABASE_URL"], conn_health_checks=True)
_given = _database.get("OPTIONS", {})
# A request waits for the one that holds its key or its rows; its caller, not for ever. PgBouncer
# refuses such an option, and hands each transaction to any session: so nothing is prepared there,
# and whoever runs it gives the database the limit: ALTER DATABASE … SET lock_timeout = '10s'.
_of_sessions: dict[str, Any] = (
    {"prepare_threshold": None}
    if os.environ.get("DATABASE_POOLER")
    else {"options": f"-c lock_timeout={LOCK_SECONDS}s {_given.get('options', '')}".strip()}
)
DATABASES = {
    "default": {
        **_database,
        "OPTIONS": {
            **_given,
            "pool": {"min_size": 1, "max_size": 6},
            **_of_sessions,
        },
    }
}
_CONSUL = (
    *("HTTP_ADDR", "HTTP_TOKEN", "DATACENTER", "NAMESPACE", "HTTP_SSL", "HTTP_SSL_VERIFY"),
    *("CACERT", "CAPATH", "CLIENT_CERT", "CLIENT_KEY", "TLS_SERVER_NAME"),
)
SAGAS = {"CONSUL": {name: os.environ.get(f"CONSUL_{name}", "") for name in _CONSUL}}
INSTALLED_APPS = ["saga_participant", "examples.services.kit", f"examples.services.{SERVICE}"]
MIDDLEWARE = ["examples.services.kit.problems.errors_as_json"]
ROOT_URLCONF = "examples.services.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": f"{SERVICE}: %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # A refusal is everyday business here; only 5xx deserve a line.
        "django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "uvicorn": {"level": "WARNING"},
    },
}
