"""Orders: read, listed, moved on along the allowed ways only, and cancelled."""

import pytest

from .running import RunningService
from .samples import ORDER, at_once


def place(orders: RunningService, key: str, **more: str) -> str:
    """The id of a new order."""
    answer = orders.post("/orders", key, {**ORDER, **more})
    assert answer.status_code == 201
    return str(answer.json()["order_id"])


def test_order_is_placed_then_cancelled(orders: RunningService, saga: str) -> None:
    """The status follows the compensation; the subject in the ledger is the order."""
    order_id = place(orders, f"{saga}:a")
    placed = {"order_id": order_id, "status": "placed", **ORDER}
    assert orders.http.get(f"/orders/{order_id}").json() == placed
    orders.post("/orders/cancel", f"{saga}:c", {"undoes": f"{saga}:a"})
    assert orders.http.get(f"/orders/{order_id}").json()["status"] == "cancelled"
    assert [(e["kind"], e["subject"], e["amount"]) for e in orders.ledger(saga)] == [
        ("place", order_id, 1),
        ("cancel", order_id, -1),
    ]
    unknown = orders.http.get("/orders/ord_0")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown_order")


def test_orders_of_a_user_are_listed_the_newest_first(orders: RunningService, saga: str) -> None:
    placed = [place(orders, f"{saga}:{number}", user_id=saga) for number in range(3)]

    def listed(**query: str | int) -> list[str]:
        answer = orders.http.get("/orders", params={"user_id": saga, **query}).json()
        return [order["order_id"] for order in answer["orders"]]

    assert listed() == placed[::-1]
    assert listed(limit=2) == placed[:0:-1]
    assert listed(user_id="nobody") == []


@pytest.mark.parametrize(
    ("way", "last"),
    [
        (["shipped", "delivered"], 200),
        (["cancelled"], 200),
        (["placed"], 409),
        (["delivered"], 409),
        (["shipped", "cancelled"], 409),
        (["shipped", "shipped"], 409),
        (["shipped", "delivered", "cancelled"], 409),
        (["cancelled", "shipped"], 409),
        (["lost"], 422),
    ],
)
def test_order_moves_along_the_allowed_ways(
    orders: RunningService, saga: str, way: list[str], last: int
) -> None:
    order_id = place(orders, f"{saga}:a")
    for number, status in enumerate(way):
        answer = orders.patch(f"/orders/{order_id}", f"{saga}:{number}", {"status": status})
    stands_at = way[-1] if last == 200 else ["placed", *way][-2]
    assert answer.status_code == last
    assert orders.http.get(f"/orders/{order_id}").json()["status"] == stands_at
    if last == 200:
        assert answer.json() == {"order_id": order_id, **ORDER, "status": stands_at}
    if last == 409:
        assert answer.json()["error"] == "move_not_allowed"
        assert stands_at in answer.json()["message"]


def test_move_of_an_unknown_order_is_refused(orders: RunningService, saga: str) -> None:
    answer = orders.patch("/orders/ord_0", saga, {"status": "shipped"})
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_order")


def test_of_two_moves_at_once_one_is_made(orders: RunningService, saga: str) -> None:
    path = f"/orders/{place(orders, f'{saga}:a')}"
    answers = at_once(
        lambda status: orders.patch(path, f"{saga}:{status}", {"status": status}),
        ["shipped", "cancelled"],
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_order_cancelled_by_a_person_is_not_cancelled_again(
    orders: RunningService, saga: str
) -> None:
    """The compensation has nothing left to do, and the ledger stays even."""
    order_id = place(orders, f"{saga}:a")
    orders.patch(f"/orders/{order_id}", f"{saga}:p", {"status": "cancelled"})
    undone = orders.post("/orders/cancel", f"{saga}:c", {"undoes": f"{saga}:a"})
    assert undone.status_code == 200
    assert sum(entry["amount"] for entry in orders.ledger(saga)) == 0


def test_shipped_order_is_not_cancelled(orders: RunningService, saga: str) -> None:
    """A person has to get the parcel back; until then the compensation is refused, not spent."""
    order_id = place(orders, f"{saga}:a")
    orders.patch(f"/orders/{order_id}", f"{saga}:p", {"status": "shipped"})
    for _ in range(2):
        refused = orders.post("/orders/cancel", f"{saga}:c", {"undoes": f"{saga}:a"})
        assert (refused.status_code, refused.json()["error"]) == (409, "move_not_allowed")
    assert orders.http.get(f"/orders/{order_id}").json()["status"] == "shipped"
