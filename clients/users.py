import logging
import uuid
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import quote

from django.core.cache import cache

from sagas.services.base import ServiceClient

CACHE_SECONDS: Final = 30
"""How long a user is believed. What this client writes is seen at once, by all who share the cache;
what others write at the service, so much later."""

VERSION_SECONDS: Final = 10 * CACHE_SECONDS
"""How long it is known that a user was written: longer than any call that reads may take."""

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Users(ServiceClient):
    """Keeps users in Django's cache. Without the cache it works, and is slower."""

    service = "users"

    def find(self, user_id: str, *, fresh: bool = False, key: str | None = None) -> dict[str, Any]:
        """`{"user_id", "name", "email", "active"}`; the service is always asked if `fresh`. Raises
        `ServiceRejected` (404) if there is none."""
        place, version = _places(user_id)
        nothing: dict[str, Any] = {}
        known = _cached(lambda: cache.get_many([place, version]), nothing)
        kept = known.get(place)
        if kept and not fresh and kept[0] == known.get(version):
            return dict(kept[1])
        user: dict[str, Any] = self.get("/users/{}", user_id, key=key)
        # With the version that was known before: should somebody have written meanwhile, this is
        # never believed.
        _cached(lambda: cache.set(place, (known.get(version), user), CACHE_SECONDS), None)
        return user

    def create(self, user: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """The new user, for `{"user_id", "name", "email", …}`. Raises `ServiceRejected` (409) if
        that id is taken."""
        try:
            return self.post("/users", body=user, key=key)
        finally:
            _written(str(user.get("user_id")))

    def update(
        self, user_id: str, changes: dict[str, Any], *, key: str | None = None
    ) -> dict[str, Any]:
        """The user with `changes`. Raises `ServiceRejected` (404) if there is none."""
        try:
            return self.patch("/users/{}", user_id, body=changes, key=key)
        finally:
            _written(user_id)  # also if there was no answer: it may have been done

    def search(self, text: str, *, limit: int = 20) -> list[dict[str, Any]]:
        """At most `limit` users in whose name or address `text` stands."""
        return self.get("/users", query={"q": text, "limit": limit})["users"]


def _places(user_id: str) -> tuple[str, str]:
    """Where in the cache a user is, and the version that makes it true."""
    quoted = quote(user_id, safe="", errors="replace")  # what every cache takes
    return f"user:{quoted}", f"user-version:{quoted}"


def _written(user_id: str) -> None:
    _, version = _places(user_id)
    _cached(lambda: cache.set(version, uuid.uuid4().hex, VERSION_SECONDS), None)


def _cached(use: Callable[[], T], otherwise: T) -> T:
    """What `use` of the cache comes to. A cache that is away is a miss."""
    try:
        return use()
    except Exception as error:  # each cache has errors of its own
        logger.warning("The cache does not answer (%s): users are not cached.", error)
        return otherwise
