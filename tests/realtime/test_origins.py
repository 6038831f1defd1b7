"""Where a browser's page may come from, behind a proxy or not: as Django decides it for a POST."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from sagas.live.backpressure import Backpressure
from sagas.live.identity import CrossOrigin, Unauthenticated, asked_by_socket, identify

FORWARDED = {"host": "10.0.0.1:8000", "x-forwarded-host": "shop.example"}
SECURE = {"host": "shop.example", "x-forwarded-proto": "https"}
OPTIONS: dict[str, Any] = {
    "host": {"USE_X_FORWARDED_HOST": True},
    "proto": {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
    "trusted": {"CSRF_TRUSTED_ORIGINS": ["https://shop.example", "https://*.shops.example"]},
}


def asked(headers: dict[str, str], scheme: str = "ws") -> Any:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": "/ws/v1/sagas/x/", "scheme": scheme, "headers": pairs}
    return identify(asked_by_socket(scope))


@pytest.mark.parametrize(
    ("option", "headers", "scheme", "origin", "is_own"),
    [
        ("", {"host": "shop.example"}, "ws", "http://shop.example", True),
        ("", {"host": "shop.example"}, "wss", "https://shop.example", True),
        ("", {"host": "shop.example"}, "https", "https://shop.example", True),
        ("", {"host": "shop.example"}, "ws", "https://shop.example", False),
        ("", {"host": "shop.example"}, "ws", "http://shop.example:81", False),
        ("", {"host": "shop.example"}, "ws", "null", False),
        ("", {"host": "shop.example"}, "ws", "http://[", False),
        ("", {"host": "other.example"}, "ws", "http://other.example", False),
        ("", {}, "ws", "http://shop.example", False),
        ("", FORWARDED, "ws", "http://shop.example", False),
        ("host", FORWARDED, "ws", "http://shop.example", True),
        ("host", FORWARDED, "ws", "http://10.0.0.1:8000", False),
        ("", SECURE, "ws", "https://shop.example", False),
        ("proto", SECURE, "ws", "https://shop.example", True),
        ("proto", SECURE, "ws", "http://shop.example", False),
        ("proto", {**SECURE, "x-forwarded-proto": "http"}, "wss", "https://shop.example", False),
        ("trusted", {"host": "api.example"}, "ws", "https://shop.example", True),
        ("trusted", {"host": "api.example"}, "ws", "https://a.shops.example", True),
        ("trusted", {"host": "api.example"}, "ws", "http://shop.example", False),
        ("trusted", {"host": "api.example"}, "ws", "https://shops.example.evil", False),
    ],
)
def test_a_page_is_ours_if_django_would_take_its_post(
    option: str, headers: dict[str, str], scheme: str, origin: str, is_own: bool, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["shop.example", "api.example"]
    for name, value in OPTIONS.get(option, {}).items():
        setattr(settings, name, value)
    found = asked({**headers, "origin": origin}, scheme)
    assert isinstance(found, Unauthenticated if is_own else CrossOrigin)


@pytest.mark.parametrize(
    ("force", "root_path", "path"),
    [
        (None, "", "/ws/v1/sagas/"),
        ("/app", "", "/app/ws/v1/sagas/"),
        ("/app/", "", "/app/ws/v1/sagas/"),
        ("/app", "", "/ws/v1/sagas/"),
        (None, "/app", "/app/ws/v1/sagas/"),
        (None, "/app", "/ws/v1/sagas/"),
    ],
)
def test_a_socket_is_found_below_the_path_of_the_proxy(
    force: str | None, root_path: str, path: str, settings: Any
) -> None:
    settings.FORCE_SCRIPT_NAME = force
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["root_path"] + scope["path"])

    scope = {"type": "websocket", "path": path, "root_path": root_path}
    async_to_sync(Backpressure(application))(scope, None, None)
    assert seen == ["/ws/v1/sagas/"]
