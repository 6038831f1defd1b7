"""What every registry can do, and what it says."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a service: `url` is its base, without a slash at the end."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """The registry requests `url` every `interval` seconds, and waits `timeout` for the answer:
    2xx is passing, 429 warning, anything else critical."""

    url: str
    interval: float = 5.0
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class TtlCheck:
    """Critical, unless `beat` is called at least every `ttl` seconds. Starts as critical."""

    ttl: float = 15.0


Check = HttpCheck | TtlCheck


class RegistryError(Exception):
    """The registry can't answer, or refuses; the text says why, and what to do."""


class UnknownService(RegistryError):
    """The address of that service is not configured. Waiting does not help."""


class ServiceRegistry(ABC):
    """Where services are, and where they register. Any thread may use it."""

    @abstractmethod
    def instances(self, service: str, tags: Sequence[str] = ()) -> Sequence[Instance]:
        """All instances that are well and have all of `tags`; none is no error. Raises
        `RegistryError`."""

    @abstractmethod
    def register(
        self,
        service: str,
        address: str,
        port: int,
        check: Check,
        *,
        id: str = "",
        tags: Sequence[str] = (),
        deregister_after: float = 60.0,
    ) -> str:
        """Registers an instance of `service` at `address`; the same `id` again replaces it. An
        instance that is critical for `deregister_after` seconds is removed. Returns the id. Raises
        `RegistryError`."""

    @abstractmethod
    def beat(self, id: str) -> None:
        """Reports that this instance is healthy, if its check is a `TtlCheck`. Raises
        `RegistryError`."""

    def close(self) -> None:  # noqa: B027  (most have nothing to end)
        """Ends its threads, if it has any."""

    @abstractmethod
    def deregister(self, id: str) -> None:
        """Removes this instance. An unknown id is not an error. Raises `RegistryError`."""
