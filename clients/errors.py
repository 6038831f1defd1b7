"""What a call to a service can come to.

::

    ServiceError
    ├── Refused       the service said no, definitely (most 4xx): nothing was done
    ├── NotSent       nothing reached it (name, route or connection refused): nothing was done
    └── NoAnswer      a timeout, a 5xx, a dropped connection, an answer that can't be read:
                      it may have been done

A step's task reads these as `Rejected`, `Unreachable` and unknown.
"""


class ServiceError(Exception):
    """`status` is the HTTP status, or None without an answer; `body` a piece of the answer."""

    def __init__(
        self,
        service: str,
        method: str,
        path: str,
        reason: str,
        status: int | None = None,
        body: str = "",
    ) -> None:
        # All of them, so that the error survives the way from a worker's process to its parent.
        super().__init__(service, method, path, reason, status, body)
        self.service = service
        self.status = status
        self.body = body

    def __str__(self) -> str:
        service, method, path, reason, _, body = self.args
        return f"{service}: {method} {path}: {reason}" + (f": {body}" if body else "")


class Refused(ServiceError):
    """Nothing was done, and asking again gives the same answer."""


class NotSent(ServiceError):
    """Nothing was done; it may be sent again."""


class NoAnswer(ServiceError):
    """It may have been done: ask again under the same key, or undo it."""
