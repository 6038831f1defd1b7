"""What can go wrong in an attempt, and what that says of its effect."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self, TypeGuard

from sagas.machine.states import Effect


class Rejected(Exception):
    """Raise it from an action if the participant definitely refused (a business rule).

    The attempt had no effect, and is not repeated.
    """


class Unreachable(Exception):
    """Raise it from an action if nothing was sent (name, route or connection refused).

    The attempt had no effect, and is repeated.
    """


LONGEST_WAIT: Final = 86_400.0
"""Seconds that `Later` may ask for: a day. What takes longer is a `Sleep`, or a `WaitFor`."""


class Later(Exception):
    """Raise it from an action to say "not yet". The attempt changed nothing, and does not count.
    It is made again `after` that many seconds; without `after`, within seconds and at growing
    intervals.

    Raises ValueError for an `after` that is not above 0 and at most `LONGEST_WAIT`.
    """

    after: float | None = None

    def __init__(self, *args: object, after: float | None = None) -> None:
        super().__init__(*args)
        if after is not None and not _is_wait(after):
            raise ValueError(
                f"Later: after={after!r} is not a wait. Use a number of seconds above 0 and at "
                f"most {LONGEST_WAIT:,.0f} (one day), or leave it out."
            )
        self.after = after


class FailureKind(StrEnum):
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    """A timeout, a 5xx, a lost worker, an ended lease, a result that can't be stored."""
    CONFLICT = "conflict"
    """The work was done, but two parallel branches changed one key of the context."""
    LATER = "later"
    """Not yet: the action said so, or its service has no healthy instance now. The attempt does not
    count."""


EFFECT_OF: Final = {
    FailureKind.REJECTED: Effect.NONE,
    FailureKind.UNREACHABLE: Effect.NONE,
    FailureKind.UNKNOWN: Effect.POSSIBLE,
    FailureKind.CONFLICT: Effect.APPLIED,
    FailureKind.LATER: Effect.NONE,
}
RETRIED: Final = frozenset({FailureKind.UNREACHABLE, FailureKind.UNKNOWN, FailureKind.LATER})

MESSAGE_LIMIT: Final = 500
"""Characters of an error's text that are kept. It stands in the row, which each transition
rewrites; the traceback is with the Celery result."""

NAME_LIMIT: Final = 100
"""Characters of the name of an exception's class that are kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: its kind, the exception's type, and its text."""

    kind: FailureKind
    error: str
    message: str

    @classmethod
    def of(cls, kind: FailureKind, error: BaseException) -> Self:
        """The failure for an exception, whatever that is and does when it is asked for its text."""
        return cls(kind, name_of(error), text_of(error))

    def to_json(self) -> dict[str, str]:
        return {"kind": self.kind.value, "error": self.error, "message": self.message}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(FailureKind(data["kind"]), data["error"], data["message"])


def classify(error: BaseException) -> FailureKind:
    """The kind of failure that an exception out of an action or a compensation stands for."""
    if is_a(error, Rejected):
        return FailureKind.REJECTED
    if is_a(error, Unreachable):
        return FailureKind.UNREACHABLE
    if is_a(error, Later):
        return FailureKind.LATER
    return FailureKind.UNKNOWN


def wait_of(error: BaseException) -> float | None:
    """How many seconds a `Later` asks for; None for any other error, and for one that was spoilt
    after it was made."""
    try:
        after = getattr(error, "after", None) if is_a(error, Later) else None
    except BaseException:  # of its own class
        return None
    return float(after) if _is_wait(after) else None


def _is_wait(after: object) -> TypeGuard[float]:
    if isinstance(after, bool) or not isinstance(after, int | float):
        return False
    return 0 < after <= LONGEST_WAIT


def is_a(
    error: BaseException, kinds: type[BaseException] | tuple[type[BaseException], ...]
) -> bool:
    """As `isinstance`, which asks the exception itself (`__class__`): that could raise, or lie."""
    return issubclass(type(error), kinds)


def name_of(error: BaseException) -> str:
    """The name of its class, cut at `NAME_LIMIT` and made storable."""
    try:
        return _storable(type(error).__name__, NAME_LIMIT)
    except BaseException:  # of its metaclass
        return "BaseException"


def text_of(error: BaseException) -> str:
    """Its text, cut at `MESSAGE_LIMIT` and made storable."""
    try:
        return _storable(str(error), MESSAGE_LIMIT)
    except BaseException as another:
        return f"(It has no text: its __str__ raised {name_of(another)}.)"


def _storable(text: str, limit: int) -> str:
    # By the methods of `str` itself: a subclass may have others. Cut first: it may be long.
    cut = str.__getitem__(text, slice(limit))
    return cut.replace("\x00", "�").encode("utf-8", "replace").decode()
