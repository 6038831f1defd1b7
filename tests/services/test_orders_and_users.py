"""What can be read: users, and orders with their status."""

from .running import RunningService
from .samples import ORDER


def test_users_are_seeded(users: RunningService) -> None:
    """Five active users and an inactive one; an unknown id is a 404."""
    for user_id in ("alice", "bob", "carol", "dave", "erin", "mallory"):
        user = users.http.get(f"/users/{user_id}").json()
        assert user["user_id"] == user_id
        assert user["active"] is (user_id != "mallory")
    unknown = users.http.get("/users/nobody")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown_user")


def test_order_is_placed_then_cancelled(orders: RunningService, saga: str) -> None:
    """The status follows the compensation; the subject in the ledger is the order."""
    order_id = orders.post("/orders", f"{saga}:a", ORDER).json()["order_id"]
    assert orders.http.get(f"/orders/{order_id}").json() == {
        "order_id": order_id,
        "status": "placed",
        **ORDER,
    }
    orders.post("/orders/cancel", f"{saga}:c", {"undoes": f"{saga}:a"})
    assert orders.http.get(f"/orders/{order_id}").json()["status"] == "cancelled"
    assert [(e["kind"], e["subject"], e["amount"]) for e in orders.ledger(saga)] == [
        ("place", order_id, 1),
        ("cancel", order_id, -1),
    ]
    unknown = orders.http.get("/orders/ord_0")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown_order")
