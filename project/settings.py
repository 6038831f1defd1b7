"""Settings. The environment is read here and nowhere else.

======================  ==============================================================
``SECRET_KEY``          signs sessions and API tokens; required
``DATABASE_URL``        PostgreSQL; required
``REDIS_URL``           Valkey or Redis, for the channel layer; required
``CELERY_BROKER_URL``   the broker; ``REDIS_URL`` by default
``SENTINEL_MASTER``     the primary's name, for ``CELERY_BROKER_URL=sentinel://host:26379;…``
``BROKER_PREFIX``       what the keys of the broker begin with, if it is Redis or Valkey
``EVENTS_URL``          the broker of the event bus; ``CELERY_BROKER_URL`` by default; empty for
                        no event bus
``EVENTS_EXCHANGE``     its exchange; ``sagas.events`` by default
``ALLOWED_HOSTS``       comma-separated; loopback by default
``DEBUG``               ``1`` for Django's debug pages
``SAGA_APPS``           more Django apps, comma-separated, whose ``sagas.py`` has sagas of yours:
                        ``shop``, in a folder that is in ``PYTHONPATH`` (docs/deploying.md)
``DATABASE_POOL_SIZE``  connections that a web process shares among its threads; 0 (what a
                        worker needs) keeps one connection to a process or thread
``FAST``                ``0`` has workers do one step for one message, and nothing at once
``INLINE_STEPS``        steps that a worker runs for one message; 1 is a message for each step
``INLINE_MS``           milliseconds for which it goes on so
``DATABASE_POOLER``     ``session`` or ``transaction``: the mode of a PgBouncer that DATABASE_URL
                        leads to (docs/sessions.md); empty without one
``CONSUL_HTTP_ADDR``    Consul's agent, ``host:port`` or a URL, which then says where services are
``CONSUL_HTTP_TOKEN``   an ACL token of Consul's
``CONSUL_DATACENTER``   where to look for services; the agent's own datacenter by default
``CONSUL_CACERT`` …     and ``CONSUL_CAPATH``, ``_CLIENT_CERT``, ``_CLIENT_KEY``, ``_HTTP_SSL``,
                        ``_HTTP_SSL_VERIFY``, ``_TLS_SERVER_NAME``, ``_NAMESPACE``: as Consul has it
``USERS_URL`` …         without Consul: the address of each service, or several with commas
``USERS_API_KEY`` …     the key that a service wants, sent as ``Authorization: Bearer``
``SERVICE_URL``         ``http://host:port`` at which others reach this web process: registered in
                        Consul while it runs; not registered without it
``SERVICE_NAME``        under which name; ``sagas`` by default
``SERVICE_NETWORKS``    networks with commas between them: where a service may be; private ones
                        and loopback by default
======================  ==============================================================
"""

import os
from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured

from project.database import database
from sagas.broker.urls import for_kombu, for_redis_py
from sagas.conf.reference import CONSUL
from sagas.live.redis_layer import redis_layer


def _required(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise ImproperlyConfigured(
            f"The environment has no {name}. `make demo` and `make test` set everything; for "
            f"your own processes see the table in project/settings.py."
        ) from None


def _apps(variable: str) -> list[str]:
    names = [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
    for name in names:
        package = name.partition(".")[0]
        if not package or find_spec(package) is None:
            raise ImproperlyConfigured(
                f"{variable} names {name!r}, but Python finds no package {package!r}: add the "
                f"folder that it is in to PYTHONPATH."
            )
    return names


SECRET_KEY = _required("SECRET_KEY")
DEBUG = os.environ.get("DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",  # Django 6 wants it, for the index on tags
    "django.contrib.staticfiles",
    "channels",
    "django_celery_results",
    "django_htmx",
    "ninja",
    "sagas",
    "sagas.bus",
    "sagas.console",
    "sagas.live",
    "tasks",
    "realtime",
    *_apps("SAGA_APPS"),
]
MIDDLEWARE = [
    "sagas.api.middleware.json_problems",  # the first: it sees what the others answer
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # the admin's style and scripts, with no step to collect them

# A request's body, in bytes. Four times a context's limit: enough for any JSON spelling of one,
# small enough that a hundred at once don't matter.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- Database -----------------------------------------------------------------------------------
DATABASE_POOLER = os.environ.get("DATABASE_POOLER", "")
DATABASES = {
    "default": database(
        _required("DATABASE_URL"),
        pool_size=int(os.environ.get("DATABASE_POOL_SIZE", "0")),
        pooler=DATABASE_POOLER,
    )
}

# --- Celery: messages are hints, the rows are the truth -------------------------------------------
REDIS_URL = for_redis_py(_required("REDIS_URL"))
CELERY_BROKER_URL = for_kombu(os.environ.get("CELERY_BROKER_URL", REDIS_URL))
os.environ["CELERY_BROKER_URL"] = CELERY_BROKER_URL  # Celery believes this rather than the setting
SENTINEL_MASTER = os.environ.get("SENTINEL_MASTER", "")
BROKER_PREFIX = os.environ.get("BROKER_PREFIX", "")
CELERY_BROKER_CONNECTION_TIMEOUT = 5  # seconds
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 5  # seconds; without it a publish can wait for ever
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        # Seconds. Kombu's own polls take one; longer silence is a dead connection.
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        # By default Kombu keeps in Redis what a worker has taken, for two round trips a message, to
        # hand it out again an hour later if it was lost. Its row's wake_at does so within a lease.
        # Tasks of one's own that are not sagas' may need it: then with a `visibility_timeout` that
        # is longer than any lease (a system check says so).
        "ack_emulation": False,
        **({"master_name": SENTINEL_MASTER} if SENTINEL_MASTER else {}),
        **({"global_keyprefix": BROKER_PREFIX} if BROKER_PREFIX else {}),
    }
    if CELERY_BROKER_URL.startswith(("redis", "sentinel"))
    else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A hint is not worth the disk: when RabbitMQ starts again without it, the row wakes its saga.
CELERY_TASK_DEFAULT_DELIVERY_MODE = "transient"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = 7 * 24 * 3600  # seconds; the workers' wake loops delete what is older
# A success has its event already; a failed attempt's traceback is worth a row.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = True
CELERY_WORKER_SEND_TASK_EVENTS = True

# --- Cache: shared by all processes, so that what one writes no other believes to be otherwise ----
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "sagas",
        # Seconds. A cache that is slower than what it spares is of no use.
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}

# --- Channels ------------------------------------------------------------------------------------
CHANNEL_LAYERS = {"default": redis_layer(REDIS_URL)}

# --- The engine (docs/settings.md) ----------------------------------------------------------------
_SERVICES = ("users", "inventory", "payments", "orders", "notifications")
SAGAS = {
    "FAST": os.environ.get("FAST") != "0",
    "INLINE_STEPS": int(os.environ.get("INLINE_STEPS", "100")),
    "INLINE_MS": int(os.environ.get("INLINE_MS", "100")),
    "POOLER": DATABASE_POOLER,
    "EVENTS_URL": os.environ.get("EVENTS_URL", CELERY_BROKER_URL),
    "EVENTS_EXCHANGE": os.environ.get("EVENTS_EXCHANGE", "sagas.events"),
    "SERVICE_URLS": {name: os.environ.get(f"{name.upper()}_URL", "") for name in _SERVICES},
    "SERVICE_API_KEYS": {name: os.environ.get(f"{name.upper()}_API_KEY", "") for name in _SERVICES},
    "CONSUL": {name: os.environ.get(f"CONSUL_{name}", "") for name in CONSUL},
    "SERVICE_NAME": os.environ.get("SERVICE_NAME", "sagas"),
    "SERVICE_URL": os.environ.get("SERVICE_URL", ""),
}
if "SERVICE_NETWORKS" in os.environ:
    SAGAS["SERVICE_NETWORKS"] = os.environ["SERVICE_NETWORKS"].split(",")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
}
