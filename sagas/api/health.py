"""Whether this process is well, for those who watch it.

================  =================================================================================
`/health/live`    200 as long as the process answers. It looks at nothing: a process that can't
                  reach its database is not mended by being killed
`/health/ready`   200 if it reaches database, broker and channel layer; else 503 and which part
                  fails: no request should be sent here for now. Without a database the answer
                  takes as long as a request waits for a connection of the pool, ten seconds
`/health/`        the same as `/health/ready`; the check of the service registry, which is to hand
                  out only instances that can work
================  =================================================================================
"""

import logging
from collections.abc import Callable
from typing import Final

from asgiref.sync import async_to_sync
from celery import current_app
from django.apps import apps
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from sagas.non_atomic import non_atomic

logger = logging.getLogger(__name__)

LIMIT: Final = 2.0
"""Seconds for the broker to answer: less than a load balancer's usual patience."""


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with current_app.connection_for_write(connect_timeout=LIMIT) as broker:
        broker.ensure_connection(max_retries=1, timeout=LIMIT)


def _channel_layer() -> None:
    if not apps.is_installed("sagas.live"):
        return  # nothing pushes
    from channels.layers import get_channel_layer

    layer = get_channel_layer()
    if layer is None:
        return  # streams do without
    async_to_sync(layer.group_send)("health", {"type": "health"})


CHECKS: Final[dict[str, Callable[[], None]]] = {
    "database": _database,
    "broker": _broker,
    "channel_layer": _channel_layer,
}


@non_atomic
@require_GET
def live(request: HttpRequest) -> JsonResponse:
    """200 and `{"status": "ok"}`."""
    return JsonResponse({"status": "ok"})


@non_atomic
@require_GET
def ready(request: HttpRequest) -> JsonResponse:
    """200 and `{"status": "ok", …}`, or 503 and which part doesn't answer."""
    parts = {}
    for name, check in CHECKS.items():
        try:
            check()
            parts[name] = "ok"
        except Exception:
            # The reason stays in the log: an address or a user name is nobody else's business.
            logger.warning("Health check: the %s does not answer.", name, exc_info=True)
            parts[name] = "failed"
    healthy = all(part == "ok" for part in parts.values())
    return JsonResponse(
        {"status": "ok" if healthy else "failed", **parts}, status=200 if healthy else 503
    )
