"""System checks (`manage.py check`): the orders of times that recovery relies on."""

from typing import Any, Final

import celery
from celery import current_app
from django.core.checks import CheckMessage, Error, Warning, register

from sagas.registry import registry

OLDEST_CELERY: Final = (5, 5)
"""The first that ends a worker softly (`worker_soft_shutdown_timeout`), and bounds the wait for a
connection to the broker."""


@register
def check_celery(**_: Any) -> list[CheckMessage]:
    """Celery is one that the workers can live with."""
    if celery.VERSION[:2] >= OLDEST_CELERY:
        return []
    wanted = ".".join(map(str, OLDEST_CELERY))
    return [
        Error(
            f"This is Celery {celery.__version__}: it can wait for ever for a connection to the "
            f"broker, and lose what a worker does when it is stopped.",
            hint=f"Install Celery {wanted} or later (docs/settings.md).",
            id="sagas.E029",
        )
    ]


@register
def check_times(**_: Any) -> list[CheckMessage]:
    """The longest lease is shorter than the broker's visibility timeout, if it has one."""
    options = current_app.conf.broker_transport_options
    visibility = options.get("visibility_timeout")
    if visibility is None or options.get("ack_emulation") is False:
        return []
    return [
        Error(
            f"Step {step.name!r} of {saga.saga_type!r} has a lease of "
            f"{step.lease.total_seconds():.0f} s, and the broker hands messages out again after "
            f"{visibility} s.",
            hint="Raise visibility_timeout in CELERY_BROKER_TRANSPORT_OPTIONS, or shorten the "
            "step's timeout.",
            id="sagas.E001",
        )
        for saga in registry
        for step in saga.claimed_steps
        if step.lease.total_seconds() >= visibility
    ]


@register
def check_waits(**_: Any) -> list[CheckMessage]:
    """A publish can't wait for ever, and only JSON is read."""
    found: list[CheckMessage] = []
    if current_app.conf.get("broker_pool_acquire_timeout") is None:
        found.append(
            Warning(
                "A worker can wait for ever for a connection to the broker.",
                hint="Set CELERY_BROKER_POOL_ACQUIRE_TIMEOUT, for example to 5 (seconds).",
                id="sagas.W001",
            )
        )
    if set(current_app.conf.accept_content) - {"json", "application/json"}:
        found.append(
            Error(
                "Workers accept messages that are not JSON: whoever reaches the broker can run "
                "code in them.",
                hint='Set CELERY_ACCEPT_CONTENT = ["json"].',
                id="sagas.E002",
            )
        )
    return found
