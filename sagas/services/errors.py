"""How a call to a service can fail. Three of the four are an author's words, too (`sagas.Rejected`,
`Unreachable`, `Later`): a step that lets them pass need not say what they mean.

::

    ServiceError
    ├── ServiceRejected     (a Rejected)     the service said no, definitely (most 4xx), or what was
    │                                        asked for can't be sent at all: nothing was done
    ├── ServiceUnreachable  (an Unreachable) nothing reached it (name, route or connection refused):
    │                                        nothing was done
    ├── ServiceUnavailable  (a Later)        nothing was tried: no healthy instance is known, or so
    │                                        many calls failed that it is left alone for a while
    └── NoAnswer                             a timeout, a 5xx, a dropped connection, an answer that
                                             can't be read: it may have been done
"""

from sagas.machine.failures import Later, Rejected, Unreachable


class ServiceError(Exception):
    """`status` is the HTTP status, or None without an answer; `request_id` the `X-Request-ID` that
    was sent, if one was; `body` a piece of the answer."""

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
    """Nothing was tried; ask again in some seconds."""


class NoAnswer(ServiceError):
    """It may have been done: ask again under the same key, or undo it."""
