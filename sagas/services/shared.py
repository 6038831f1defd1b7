"""What all clients of one process share: the registry, the choice of instances, the breakers."""

import os
import threading
from dataclasses import dataclass, field

from sagas.services.balance import Balancer
from sagas.services.breaker import Breaker
from sagas.services.registry import ServiceRegistry, registry_of_settings


@dataclass
class Live:
    """Threads, connections and counts: not to be taken through a fork."""

    pid: int = field(default_factory=os.getpid)
    registry: ServiceRegistry = field(default_factory=registry_of_settings)
    balancer: Balancer = field(default_factory=Balancer)
    _breakers: dict[str, Breaker] = field(default_factory=dict)

    def breaker(self, service: str) -> Breaker:
        """The one breaker of this service in this process."""
        found = self._breakers.get(service)
        return found or self._breakers.setdefault(service, Breaker(service))


_lock = threading.Lock()
_live: Live | None = None


def live() -> Live:
    """This process's own, made at the first call, and made anew after a fork."""
    global _live
    found = _live
    if found is None or found.pid != os.getpid():
        with _lock:
            found = _live
            if found is None or found.pid != os.getpid():
                found = _live = Live()
    return found


def forget() -> None:
    """As if no call had been made yet: for tests, and after a change of the settings."""
    global _live
    with _lock:
        if _live is not None:
            _live.registry.close()
        _live = None
