"""Live progress in a project's asgi.py:

application = with_live_progress(get_asgi_application())
"""

from collections.abc import Awaitable, Callable
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

Application = Callable[[Any, Any, Any], Awaitable[Any]]


def with_live_progress(application: Application) -> Application:
    """An ASGI application: the sockets of `sagas.urls`, and `application` for all else.

    `application` may be Django's own or one around it; a WebSocket that is none of these sockets
    is handed to it, unless it is Django's own, which knows none. The event streams that it sends
    get a limit. If `SERVICE_URL` is set, this process is in the registry from the server's start to
    its end. Raises ImproperlyConfigured if `sagas.live` is not installed.
    """
    if not apps.is_installed("sagas.live"):
        raise ImproperlyConfigured('Add "sagas.live" to INSTALLED_APPS: it is used in asgi.py.')
    # Not before: the caller has set Django up to have the argument, perhaps after it has imported
    # this module.
    from sagas.live.entrance import Entrance

    return Entrance(application)
