from typing import Any

from sagas.services.base import ServiceClient


class Payments(ServiceClient):
    service = "payments"

    def charge(
        self,
        user_id: str,
        amount_cents: int,
        currency: str,
        card: str,
        *,
        key: str | None = None,
    ) -> dict[str, Any]:
        """`{"payment_id"}`. Raises `ServiceRejected` (402) if the card is declined."""
        body = {
            "user_id": user_id,
            "amount_cents": amount_cents,
            "currency": currency,
            "card": card,
        }
        return self.post("/payments", body=body, key=key)

    def find(self, payment_id: str) -> dict[str, Any]:
        """The payment, with what was refunded of it. Raises `ServiceRejected` (404) if there is
        none."""
        return self.get("/payments/{}", payment_id)

    def refund(self, *, undoes: str, key: str | None = None) -> dict[str, Any]:
        """`{"undone"}`: whether the charge made under the key `undoes` was there to give back."""
        return self.post("/payments/refund", body={"undoes": undoes}, key=key)

    def refund_part(
        self, payment_id: str, amount_cents: int, *, key: str | None = None
    ) -> dict[str, Any]:
        """`{"refund_id", "refunded_cents"}`, the latter of all refunds together. Raises
        `ServiceRejected` if that is more than was charged."""
        body = {"amount_cents": amount_cents}
        return self.post("/payments/{}/refunds", payment_id, body=body, key=key)
