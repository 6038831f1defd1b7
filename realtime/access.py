"""Who is at the other end of a WebSocket: a program with a token, or a browser with a session.

A browser sends its session cookie with any page's connection, so with a session the Origin must
be one of ours (RFC 6455 10.2). A program has no Origin and needs none: its token is its own.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http.request import split_domain_port, validate_host

from sagas import tokens

BEARER: Final = "bearer "


class TokenOrSession:
    """Puts `user` into the scope; `AnonymousUser` for a stranger. The consumer closes those,
    after the handshake, so that a browser can see the code."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._with_session = AuthMiddlewareStack(application)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers = {name.lower(): value.decode("latin1") for name, value in scope["headers"]}
        authorization = headers.get(b"authorization", "")
        if authorization.lower().startswith(BEARER):
            token = authorization[len(BEARER) :].strip()
            user = await database_sync_to_async(tokens.user_of)(token)
        elif _is_own_origin(headers.get(b"origin", ""), headers.get(b"host", "")):
            return await self._with_session(scope, receive, send)
        else:
            user = None
        return await self._application({**scope, "user": user or AnonymousUser()}, receive, send)


def _is_own_origin(origin: str, host: str) -> bool:
    """Whether the page came from the very host and port that it now connects to."""
    try:
        own = urlsplit(origin).netloc == host
    except ValueError:
        return False
    domain, _ = split_domain_port(host)
    return own and validate_host(domain, settings.ALLOWED_HOSTS)
