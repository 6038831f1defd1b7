from typing import Any

from sagas.services.base import ServiceClient


class Orders(ServiceClient):
    service = "orders"

    def create(
        self,
        user_id: str,
        items: list[dict[str, Any]],
        reservation_id: str,
        payment_id: str,
        *,
        key: str | None = None,
    ) -> dict[str, Any]:
        """`{"order_id"}`."""
        body = {
            "user_id": user_id,
            "items": items,
            "reservation_id": reservation_id,
            "payment_id": payment_id,
        }
        return self.post("/orders", body=body, key=key)

    def find(self, order_id: str) -> dict[str, Any]:
        """The order as it was placed, with its `status`. Raises `ServiceRejected` (404) if there is
        none."""
        return self.get("/orders/{}", order_id)

    def list_of(self, user_id: str, *, limit: int = 20) -> list[dict[str, Any]]:
        """At most `limit` orders of a user."""
        return self.get("/orders", query={"user_id": user_id, "limit": limit})["orders"]

    def change_status(
        self, order_id: str, status: str, *, key: str | None = None
    ) -> dict[str, Any]:
        """The order with its new status. Raises `ServiceRejected` if there is no way there."""
        return self.patch("/orders/{}", order_id, body={"status": status}, key=key)

    def cancel(self, *, undoes: str, key: str | None = None) -> dict[str, Any]:
        """`{"undone"}`: whether the order made under the key `undoes` was there to cancel."""
        return self.post("/orders/cancel", body={"undoes": undoes}, key=key)
