from typing import Any

from sagas.services.base import ServiceClient


class Notifications(ServiceClient):
    service = "notifications"

    def send(
        self, user_id: str, template: str, order_id: str, *, key: str | None = None
    ) -> dict[str, Any]:
        """`{"notification_id"}`."""
        body = {"user_id": user_id, "template": template, "order_id": order_id}
        return self.post("/notifications", body=body, key=key)
