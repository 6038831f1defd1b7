from typing import Any

from clients.base import ServiceClient, segment


class Users(ServiceClient):
    service = "users"

    def find(self, user_id: str, *, key: str) -> dict[str, Any]:
        """`{"user_id", "name", "email", "active"}`. Raises `Refused` (404) if there is none."""
        return self.get(f"/users/{segment(user_id)}", key=key)
