from typing import Any

from sagas.services.base import ServiceClient


class Inventory(ServiceClient):
    service = "inventory"

    def reserve(self, items: list[dict[str, Any]], *, key: str | None = None) -> dict[str, Any]:
        """`{"reservation_id"}` for `[{"sku", "quantity"}, …]`: all of it, or `ServiceRejected`."""
        return self.post("/reservations", body={"items": items}, key=key)

    def release(self, *, undoes: str, key: str | None = None) -> dict[str, Any]:
        """`{"undone"}`: whether the reservation made under the key `undoes` was there to undo."""
        return self.post("/reservations/release", body={"undoes": undoes}, key=key)
