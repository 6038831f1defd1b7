"""The registry of those who run none: addresses out of the settings."""

from collections.abc import Sequence
from typing import Any

from sagas.conf import conf
from sagas.services.registry.instances import Instance, ServiceRegistry, UnknownService


class FixedRegistry(ServiceRegistry):
    """The addresses in SERVICE_URLS. A service may have several URLs, separated by commas. They
    are not checked, and nothing can be registered."""

    def instances(self, service: str, tags: Sequence[str] = ()) -> Sequence[Instance]:
        """All of them, whatever `tags` says."""
        urls = [url.strip().rstrip("/") for url in conf.SERVICE_URLS.get(service, "").split(",")]
        if not any(urls):
            raise UnknownService(
                f"the address of {service} is not known: set it in "
                f"SAGAS['SERVICE_URLS'], or SAGAS['CONSUL']"
            )
        return [Instance(url, url) for url in urls if url]

    def register(self, service: str, *_: Any, id: str = "", **__: Any) -> str:
        """Does nothing."""
        return id or service

    def beat(self, id: str) -> None:
        """Does nothing."""

    def deregister(self, id: str) -> None:
        """Does nothing."""
