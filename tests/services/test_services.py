"""What each client asks of its service, and what it keeps of the users."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from clients import Inventory, Notifications, Orders, Payments, Users
from sagas.services.errors import NoAnswer, ServiceRejected
from tests.services.peers import Peer, http

K = {"key": "k"}
ITEMS = [{"sku": "lamp", "quantity": 2}]


@pytest.mark.parametrize(
    ("call", "target", "body"),
    [
        (lambda: Users().find("u 1", fresh=True), "GET /users/u%201", None),
        (lambda: Users().search("an&n", limit=3), "GET /users?q=an%26n&limit=3", None),
        (lambda: Users().create({"user_id": "u"}, **K), "POST /users", {"user_id": "u"}),
        (lambda: Users().update("u", {"name": "n"}, **K), "PATCH /users/u", {"name": "n"}),
        (lambda: Inventory().reserve(ITEMS, **K), "POST /reservations", {"items": ITEMS}),
        (
            lambda: Inventory().release(undoes="a", **K),
            "POST /reservations/release",
            {"undoes": "a"},
        ),
        (
            lambda: Payments().charge("u", 5, "EUR", "card", **K),
            "POST /payments",
            {"user_id": "u", "amount_cents": 5, "currency": "EUR", "card": "card"},
        ),
        (lambda: Payments().find("p"), "GET /payments/p", None),
        (lambda: Payments().refund(undoes="a", **K), "POST /payments/refund", {"undoes": "a"}),
        (
            lambda: Payments().refund_part("p", 3, **K),
            "POST /payments/p/refunds",
            {"amount_cents": 3},
        ),
        (
            lambda: Orders().create("u", ITEMS, "r", "p", **K),
            "POST /orders",
            {"user_id": "u", "items": ITEMS, "reservation_id": "r", "payment_id": "p"},
        ),
        (lambda: Orders().find("o"), "GET /orders/o", None),
        (lambda: Orders().list_of("u", limit=2), "GET /orders?user_id=u&limit=2", None),
        (lambda: Orders().change_status("o", "s", **K), "PATCH /orders/o", {"status": "s"}),
        (lambda: Orders().cancel(undoes="a", **K), "POST /orders/cancel", {"undoes": "a"}),
        (
            lambda: Notifications().send("u", "t", "o", **K),
            "POST /notifications",
            {"user_id": "u", "template": "t", "order_id": "o"},
        ),
    ],
)
def test_the_requests(
    peer: Callable[..., Peer], call: Callable[[], Any], target: str, body: Any
) -> None:
    service = peer(http(200, b'{"users": [], "orders": []}'))
    assert call() in ({"users": [], "orders": []}, [])
    assert service.target() == target
    assert service.headers()["accept"] == "application/json"
    if body is not None:
        assert service.body() == body
        assert service.headers()["content-type"] == "application/json"
        assert service.headers()["idempotency-key"] == "k"


@pytest.fixture
def user() -> dict[str, Any]:
    return {"user_id": f"u-{uuid.uuid4().hex[:8]}", "name": "Anna", "active": True}


@pytest.fixture
def service(peer: Callable[..., Peer], user: dict[str, Any]) -> Peer:
    return peer(http(200, json.dumps(user).encode()))


def test_a_user_is_asked_for_once(service: Peer, user: dict[str, Any]) -> None:
    for _ in range(3):
        assert Users().find(user["user_id"]) == user
    assert len(service.requests) == 1
    Users().find(user["user_id"], fresh=True)
    assert len(service.requests) == 2


def test_one_that_is_not_there_is_not_kept(service: Peer, user: dict[str, Any]) -> None:
    service.answer = http(404)
    for _ in range(2):
        with pytest.raises(ServiceRejected):
            Users().find(user["user_id"])
    assert len(service.requests) == 2


@pytest.mark.parametrize("answer", [http(200), http(500), http(409)])
@pytest.mark.parametrize("write", ["create", "update"])
def test_a_write_ends_what_is_kept_whatever_comes_of_it(
    service: Peer, user: dict[str, Any], write: str, answer: Any
) -> None:
    Users().find(user["user_id"])
    service.answer = answer
    try:
        if write == "create":
            Users().create(user, key="k")
        else:
            Users().update(user["user_id"], {"name": "Bea"}, key="k")
    except (NoAnswer, ServiceRejected):
        pass
    service.answer = http(200, b'{"name": "Bea"}')
    assert Users().find(user["user_id"]) == {"name": "Bea"}
    assert Users().find(user["user_id"]) == {"name": "Bea"}
    assert len(service.requests) == 3


def test_a_read_that_a_write_overtook_is_not_kept(service: Peer, user: dict[str, Any]) -> None:
    def answer_late(connection: Any) -> None:
        service.answer = http(200)
        Users().update(user["user_id"], {"name": "Bea"}, key="k")
        http(200, json.dumps(user).encode())(connection)

    service.answer = answer_late
    assert Users().find(user["user_id"]) == user  # as it was when it was asked for
    service.answer = http(200, b'{"name": "Bea"}')
    assert Users().find(user["user_id"]) == {"name": "Bea"}


def test_without_its_cache_it_works(service: Peer, user: dict[str, Any], settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1"}}
    for _ in range(2):
        assert Users().find(user["user_id"]) == user
    assert Users().update(user["user_id"], {}, key="k") == user
    assert len(service.requests) == 3
