"""An instance that stays in the registry for as long as its process lives."""

import logging
import threading
from typing import Final
from urllib.parse import urlsplit

from sagas.services.registry.instances import HttpCheck, RegistryError, ServiceRegistry

AGAIN_SECONDS: Final = 10.0
"""Between two registrations. For so long an instance may be missing after its agent was restarted
without its memory, or after another process at the same address took the entry along. Each begins
the wait for the next check anew, so there are at least two intervals of the check between them."""

SOON_SECONDS: Final = 1.0
"""The same after a registration that failed."""

STOP_SECONDS: Final = 6.0
"""For a registration that is under way when the process stops; a little more than Consul gets for
an answer."""

logger = logging.getLogger(__name__)


class Presence:
    """Keeps an instance of `service` registered at `url`, from `start` to `stop`.

    The registry requests `url` + `health_path` every `interval` seconds to check its health.
    Raises ValueError for a URL without a host and a port.
    """

    def __init__(
        self,
        registry: ServiceRegistry,
        service: str,
        url: str,
        health_path: str = "/health/",
        interval: float = 5.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise ValueError(
                f"{url!r} is not an address that others can reach: use http://host:port."
            )
        self._registry = registry
        self._service = service
        self._host, self._port = parts.hostname, parts.port
        self._check = HttpCheck(f"{url.rstrip('/')}{health_path}", interval)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._stay, name="presence", daemon=True)
        self._is_known = True

    def start(self) -> None:
        """Returns at once: a registry that does not answer must not block the process."""
        self._thread.start()

    def stop(self) -> None:
        """Deregisters. A registry that does not answer removes the instance by itself."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)
        try:
            self._registry.deregister(self.id)
        except RegistryError as error:
            logger.warning("%s could not be deregistered: %s", self.id, error)

    @property
    def id(self) -> str:
        """The same for all processes at one address: to the registry they are one instance."""
        return f"{self._service}-{self._host}-{self._port}"

    def _stay(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            again = max(AGAIN_SECONDS, 2 * self._check.interval)
            pause = again if self._register() else SOON_SECONDS

    def _register(self) -> bool:
        try:
            self._registry.register(self._service, self._host, self._port, self._check, id=self.id)
        except RegistryError as error:
            if self._is_known:  # once, not each second
                logger.warning("%s is not registered; trying again until it is: %s", self.id, error)
            self._is_known = False
            return False
        if not self._is_known:
            logger.info("%s is registered.", self.id)
        self._is_known = True
        return True
