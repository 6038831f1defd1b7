"""A circuit breaker for each service (pybreaker): open means later, not failed.

After `FAILURES` failed calls in a row a service is left alone for `OPEN_SECONDS`, then one call
tries it: if that goes well all may pass, otherwise it is left alone again. Each process counts for
itself.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import pybreaker

from sagas.services.errors import ServiceRejected, ServiceUnavailable

FAILURES: Final = 5
"""Failed calls in a row, over all sagas of a process. Fewer would let one saga, whose request the
service can't stand, hold up all others; more, a thousand sagas wait for a timeout each."""

OPEN_SECONDS: Final = 3.0
"""How long an open breaker lets nothing through: about as long as a held step stands still. Longer
keeps sagas waiting for a service that is back."""


class Open(Exception):
    """The breaker is open. Nothing may be sent."""


class Breaker:
    """Counts the failed calls of one service. Any number of threads may be in a call at once.

    pybreaker's own `call` holds a lock for as long as the call takes. So calls are made outside of
    it, and only what came of them is told to it.
    """

    def __init__(self, service: str) -> None:
        self._storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=FAILURES,
            reset_timeout=OPEN_SECONDS,
            state_storage=self._storage,
            throw_new_error_on_trip=False,
            name=service,
        )
        self._trial = threading.Lock()

    @property
    def is_open(self) -> bool:
        return self._storage.state != pybreaker.STATE_CLOSED

    @contextmanager
    def guard(self) -> Iterator[None]:
        """A call. Raises `Open` instead, if the service is left alone."""
        is_trial = self.is_open
        if is_trial and not (self._time_is_up() and self._trial.acquire(blocking=False)):
            raise Open
        try:
            yield
        except (ServiceUnavailable, ServiceRejected) as error:
            if isinstance(error, ServiceRejected) and error.status is not None:
                self._succeeded()  # it is well enough to say no
            raise
        except Exception as error:
            self._failed(error)
            raise
        else:
            self._succeeded()
        finally:
            if is_trial:
                self._trial.release()

    def _time_is_up(self) -> bool:
        opened_at = self._storage.opened_at
        return not opened_at or datetime.now(UTC) >= opened_at + timedelta(seconds=OPEN_SECONDS)

    def _succeeded(self) -> None:
        if self._storage.state != pybreaker.STATE_CLOSED or self._storage.counter:
            with suppress(pybreaker.CircuitBreakerError):  # one that began before it opened
                self._breaker.call(lambda: None)

    def _failed(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        with suppress(pybreaker.CircuitBreakerError, type(error)):
            self._breaker.call(fail)
