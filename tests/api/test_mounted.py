"""Where a project mounts the library, its addresses are; and it says so to who misses them."""

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application
from django.test import Client
from django.urls import include, path, reverse

from sagas.live.asgi import with_live_progress
from sagas.live.close_codes import NOT_FOUND

PREFIX = "/shop/eu/"
urlpatterns = [path("shop/eu/", include("sagas.urls"))]


@pytest.fixture(autouse=True)
def _mounted(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def test_each_address_has_a_name() -> None:
    def address(name: str, **named: str) -> str:
        return reverse(f"sagas:{name}", kwargs=named)

    assert address("health") == f"{PREFIX}health/"
    assert address("api:api-root") == f"{PREFIX}api/v1/"
    assert address("live", saga_id="order-7") == f"{PREFIX}live/order-7"
    assert address("stream", saga_id="a") == f"{PREFIX}api/v1/sagas/a/stream"
    assert address("saga-socket", saga_id="a") == f"{PREFIX}ws/v1/sagas/a/"


@pytest.mark.parametrize("script_name", ["", "/app"])
def test_the_live_page_knows_where_the_rest_is(script_name: str, settings: Any) -> None:
    settings.FORCE_SCRIPT_NAME = script_name
    page = Client().get(f"{PREFIX}live/a%20b%C3%A9").content.decode()
    assert f'data-saga-id="a bé" data-base="{script_name}{PREFIX}"' in page


def test_a_socket_asked_for_over_http_says_what_passes_it_on() -> None:
    answer = Client().get(f"{PREFIX}ws/v1/sagas/a/")
    assert (answer.status_code, answer.headers["Upgrade"]) == (426, "websocket")
    assert "sagas.live.asgi.with_live_progress" in answer.content.decode()


def told(application: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What a WebSocket that connects, and goes, is told."""
    messages: list[dict[str, Any]] = []
    inputs: Iterator[dict[str, Any]] = iter(
        [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    )

    async def receive() -> dict[str, Any]:
        return next(inputs)

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asked = {"type": "websocket", "headers": [], "query_string": b"", "subprotocols": [], **scope}
    async_to_sync(with_live_progress(application))(asked, receive, send)
    return messages


def test_a_socket_that_is_nobodys_is_closed_with_the_reason() -> None:
    *_, closed = told(get_asgi_application(), {"path": "/ws/v1/sagas/"})
    assert closed["code"] == NOT_FOUND
    assert "the prefix of sagas.urls" in closed["reason"]


def test_other_sockets_and_the_lifespan_are_the_projects_own() -> None:
    seen: list[dict[str, Any]] = []

    async def own(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    assert told(own, {"path": "/app/chat/", "root_path": "/app"}) == []
    async_to_sync(with_live_progress(own))({"type": "lifespan"}, None, None)
    assert [each.get("path", each["type"]) for each in seen] == ["/app/chat/", "lifespan"]
    assert seen[0]["root_path"] == "/app", "as the server made it"
