"""How a call to a service can fail. Three of the four are also what an action may raise
(`sagas.Rejected`, `Unreachable`, `Later`), so a step can simply let them pass.

::

    ServiceError
    ├── ServiceRejected     (a Rejected)     the service definitely refused (most 4xx), or the
    │                                        request can't be sent at all: nothing was done
    ├── ServiceUnreachable  (an Unreachable) no name, no route or no connection: nothing was done
    ├── ServiceUnavailable  (a Later)        nothing was tried: no healthy instance is known, or
    │                                        the breaker is open
    └── NoAnswer                             a timeout, a 5xx, a dropped connection, an answer that
                                             can't be read: it may have been done
"""

from sagas.machine.failures import Later, Rejected, Unreachable


class ServiceError(Exception):
    """`status` is the HTTP status, or None without an answer. `request_id` is the `X-Request-ID`
    that was sent, if any. `body` is the beginning of the answer."""

    def __init__(
        self,
        service: str,
        method: str,
        path: str,
        reason: str,
        status: int | None = None,
        request_id: str = "",
        body: str = "",
    ) -> None:
        # All of them, so that the error survives the way from a worker's process to its parent.
        super().__init__(service, method, path, reason, status, request_id, body)
        self.service = service
        self.method = method
        self.path = path
        self.reason = reason
        self.status = status
        self.request_id = request_id
        self.body = body

    def __str__(self) -> str:
        text = f"{self.service}: {self.method} {self.path}: {self.reason}"
        text += f": {self.body}" if self.body else ""
        return text + (f" (request {self.request_id})" if self.request_id else "")


class ServiceRejected(ServiceError, Rejected):
    """Nothing was done, and asking again gives the same answer."""


class ServiceUnreachable(ServiceError, Unreachable):
    """Nothing was done; it may be sent again."""


class ServiceUnavailable(ServiceError, Later):
    """Nothing was tried; try again in a few seconds."""


class NoAnswer(ServiceError):
    """It may have been done: repeat it under the same key, or undo it."""
