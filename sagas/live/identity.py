"""Who is at the other end of a stream: a program with a token, or a browser with a session.

A token comes in the Authorization header, as a subprotocol or in the first message; never in the
query string, which ends up in logs. A browser sends its session cookie with any page's connection,
so a session counts only from a page of our own (RFC 6455 10.2), and a page from elsewhere is closed
at once. A program has no Origin and needs none: its token is its own.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AbstractBaseUser
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.middleware.csrf import CsrfViewMiddleware

from sagas import tokens

SUBPROTOCOL: Final = "sagas.v1"
"""What the server speaks. A browser that offers any subprotocol must be answered with one of its
own (WHATWG WebSockets), and the token is never sent back."""

_TOKEN_SUBPROTOCOL: Final = "bearer."  # noqa: S105  (it only begins one)
"""The token follows in base64url without padding: a colon may not stand in a subprotocol."""

_BEARER: Final = "bearer "

_SCHEMES: Final = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
"""What a socket's scheme is for Django. Servers behind a proxy may say either."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a handshake or a request says about who it is. Empty is absent."""

    authorization: str = ""
    subprotocols: tuple[str, ...] = ()
    cookie: str = ""
    origin: str = ""
    is_foreign: bool = False
    """Whether the origin is none of ours."""
    same_site_only: bool = False
    """Whether a browser's own rules keep other sites from reading the answer (HTTP, no CORS)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, and how to find out later whether they still are one.

    `renew` gives the user anew, or None; it asks the database. `ends_at` is in seconds since 1970.
    """

    user: AbstractBaseUser
    key: str = field(repr=False)
    renew: Callable[[], AbstractBaseUser | None] = field(repr=False)
    ends_at: float | None = None


class BadCredentials:
    """Nobody whom we know, though a token or a session was shown."""


class CrossOrigin:
    """A browser on a page of another site."""


class Unauthenticated:
    """Has shown nothing yet: a token may come in the first message."""


def asked_by_socket(scope: Mapping[str, Any]) -> Credentials:
    """What a WebSocket's handshake says. It is an HTTP request, and read as Django reads those."""
    scheme = _SCHEMES.get(scope.get("scheme", "ws"), "http")
    request = ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())
    return replace(
        asked_over_http(request),
        subprotocols=tuple(scope.get("subprotocols", ())),
        same_site_only=False,
    )


def asked_over_http(request: HttpRequest) -> Credentials:
    """What an HTTP request says."""
    header = request.headers.get
    origin = header("Origin", "")
    return Credentials(
        header("Authorization", ""),
        (),
        header("Cookie", ""),
        origin,
        is_foreign=bool(origin) and not _is_own(request),
        same_site_only=True,
    )


def identify(asked: Credentials) -> Identity | BadCredentials | CrossOrigin | Unauthenticated:
    """Who it is. Asks the database, so not from an event loop."""
    if asked.authorization.lower().startswith(_BEARER):
        return by_token(asked.authorization[len(_BEARER) :].strip()) or BadCredentials()
    if asked.is_foreign:
        return CrossOrigin()
    for offered in asked.subprotocols:
        if offered.startswith(_TOKEN_SUBPROTOCOL):
            return by_token(_decoded(offered.removeprefix(_TOKEN_SUBPROTOCOL))) or BadCredentials()
    session_key = parse_cookie(asked.cookie).get(settings.SESSION_COOKIE_NAME, "")
    if session_key and (asked.origin or asked.same_site_only):
        return _by_session(session_key) or BadCredentials()
    return Unauthenticated()


def by_token(token: str) -> Identity | None:
    """Whom a token stands for. Asks the database."""
    found = tokens.find(token)
    if found is None:
        return None
    return Identity(found.user, token, lambda: tokens.user_of(token), found.ends_at)


def _by_session(key: str) -> Identity | None:
    store = import_module(settings.SESSION_ENGINE).SessionStore

    def renew() -> AbstractBaseUser | None:
        # Django's own reading of a session, which also ends with a changed password.
        user = get_user(SimpleNamespace(session=store(key)))  # type: ignore[arg-type]
        return user if isinstance(user, AbstractBaseUser) else None

    user = renew()
    if user is None:
        return None
    return Identity(user, key, renew, store(key).get_expiry_date().timestamp())


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _is_own(request: HttpRequest) -> bool:
    """Whether the page came from where it now connects to, or from one of CSRF_TRUSTED_ORIGINS, as
    Django decides it for a POST."""
    middleware: Any = CsrfViewMiddleware(_nothing)
    return bool(middleware._origin_verified(request))


def _nothing(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError("The middleware is only asked, and handles no request.")
