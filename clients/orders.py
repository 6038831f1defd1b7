from typing import Any

from clients.base import ServiceClient


class Orders(ServiceClient):
    service = "orders"

    def create(
        self,
        user_id: str,
        items: list[dict[str, Any]],
        reservation_id: str,
        payment_id: str,
        *,
        key: str,
    ) -> dict[str, Any]:
        """`{"order_id"}`."""
        body = {
            "user_id": user_id,
            "items": items,
            "reservation_id": reservation_id,
            "payment_id": payment_id,
        }
        return self.post("/orders", body, key=key)

    def cancel(self, *, undoes: str, key: str) -> dict[str, Any]:
        """`{"undone"}`: whether the order made under the key `undoes` was there to cancel."""
        return self.post("/orders/cancel", {"undoes": undoes}, key=key)
