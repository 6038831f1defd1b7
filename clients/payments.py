from typing import Any

from clients.base import ServiceClient


class Payments(ServiceClient):
    service = "payments"

    def charge(
        self, user_id: str, amount_cents: int, currency: str, card: str, *, key: str
    ) -> dict[str, Any]:
        """`{"payment_id"}`. Raises `Refused` (402) if the card is declined."""
        body = {
            "user_id": user_id,
            "amount_cents": amount_cents,
            "currency": currency,
            "card": card,
        }
        return self.post("/payments", body, key=key)

    def refund(self, *, undoes: str, key: str) -> dict[str, Any]:
        """`{"undone"}`: whether the charge made under the key `undoes` was there to give back."""
        return self.post("/payments/refund", {"undoes": undoes}, key=key)
