"""Which instance a call goes to."""

import random
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sagas.services.registry.instances import Instance

LEFT_ALONE_SECONDS: Final = 2.0
"""How long an instance that took no connection is not asked again. Shorter, and each call to a
service that lost an instance tries the dead one first; longer, and one that was only restarted
stays idle, and a service of one instance is missed for longer than it is away."""


class Balancer:
    """The better of two instances taken at random, by the calls that this process has in flight
    there (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001): a slow one
    gets less, and processes that see the same picture do not all run to the same instance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight: Counter[str] = Counter()
        self._left_alone: dict[str, float] = {}

    def choose(self, instances: Sequence[Instance], tried: Collection[str]) -> Instance | None:
        """One whose URL is not in `tried`; None if there is none that is not left alone."""
        with self._lock:
            fit = [each for each in instances if each.url not in tried and self._is_fit(each.url)]
            if len(fit) < 2:
                return fit[0] if fit else None
            first = random.randrange(len(fit))  # noqa: S311 - a choice of load, not a secret
            other = random.randrange(len(fit) - 1)  # noqa: S311
            one, two = fit[first], fit[other + (other >= first)]
            return two if self._in_flight[two.url] < self._in_flight[one.url] else one

    @contextmanager
    def carrying(self, instance: Instance) -> Iterator[None]:
        """A call to this instance is in flight for as long as the block lasts."""
        with self._lock:
            self._in_flight[instance.url] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[instance.url] -= 1
                if not self._in_flight[instance.url]:
                    del self._in_flight[instance.url]

    def leave_alone(self, instance: Instance) -> None:
        """It took no connection: not to be chosen for some seconds."""
        with self._lock:
            self._left_alone[instance.url] = time.monotonic() + LEFT_ALONE_SECONDS

    def _is_fit(self, url: str) -> bool:
        until = self._left_alone.get(url)
        if until is not None and until <= time.monotonic():
            del self._left_alone[url]
            until = None
        return until is None
