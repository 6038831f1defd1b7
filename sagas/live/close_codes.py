"""Why a stream ends: close codes (RFC 6455 7.4.1) and reasons that say what to do.

The private codes are HTTP's, plus 4000. Server-sent events have no codes of their own: they carry
the same as a last message of type `error`.
"""

from typing import Final

NORMAL: Final = 1000
SERVER_ERROR: Final = 1011
BAD_REQUEST: Final = 4400
NOT_AUTHENTICATED: Final = 4401
FORBIDDEN: Final = 4403
NOT_FOUND: Final = 4404
SLOW: Final = 4408
TOO_MANY: Final = 4429

CODES: Final = {
    NORMAL: "The saga has ended, and its last event was sent.",
    SERVER_ERROR: "The server could not go on. Connect again with after=<the last seq>.",
    BAD_REQUEST: "The position is not a whole number. Fix it.",
    NOT_AUTHENTICATED: "No token or session, or one that is invalid or has expired. Get a new one.",
    FORBIDDEN: "The page belongs to another site, or a permission was removed. Don't try again.",
    NOT_FOUND: "There is no such saga, or this user may not see it. Don't try again.",
    SLOW: "You read too slowly. Connect again with after=<the last seq>, and read faster.",
    TOO_MANY: "Too many streams or frames of this user. Wait, and use fewer.",
}


class Closed(Exception):
    """Ends a stream with a code and a reason, at most 123 bytes (RFC 6455 5.5)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class SlowReader(OSError):
    """The other end has not taken anything for too long."""
