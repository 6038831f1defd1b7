"""Actions that raise what is hard to bear, by name."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from billiard.exceptions import SoftTimeLimitExceeded, Terminated, WorkerLostError
from celery.exceptions import Ignore, Reject, Retry, WorkerTerminate

LONG: Final = "x" * 5_000_000


class Endless(BaseException):
    """No `Exception`."""


class NoText(Exception):
    def __str__(self) -> str:
        raise Endless

    __repr__ = __str__


class NoCopy(Exception):
    def __reduce__(self) -> Any:
        raise Endless


def _raise(*_: Any) -> Any:
    raise Endless


NoClass = type("NoClass", (Exception,), {"__class__": property(_raise)})
NoNotes = type("NoNotes", (Exception,), {"__notes__": property(_raise)})
Disguised = type("Disguised", (Exception,), {"__class__": Retry})
"""Says that it is another."""


NoTruth = type("NoTruth", (Exception,), {"__bool__": _raise, "__eq__": _raise, "__hash__": _raise})
OwnText = type("OwnText", (str,), {"replace": _raise, "__getitem__": _raise, "encode": _raise})


class TextOfItsOwn(Exception):
    def __str__(self) -> str:
        return OwnText("its own")


class Unmade(Exception):
    """Can be pickled, and not be made again."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _with_cause(cause: Any) -> Exception:
    error = ValueError("has a cause")
    error.__cause__ = cause
    return error


def _in_a_cycle() -> Exception:
    error = ValueError("a cycle")
    error.__cause__ = KeyError("the other half")
    error.__cause__.__cause__ = error
    return error


def _with_note() -> Exception:
    error = ValueError("has a note")
    error.add_note(LONG)
    return error


def _with_lock() -> Exception:
    error = ValueError("holds a lock")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    return error


def _down(calls: int) -> None:
    if calls == 0:
        raise ValueError("from far down")
    _further_down(calls - 1)


def _further_down(calls: int) -> None:
    _down(calls - 1)


def _from_deep_down() -> Exception:
    """Two functions by turns: Python leaves out of a traceback only what is repeated at once."""
    try:
        _down(500)
    except ValueError as error:
        return error
    raise AssertionError


def _long_chain() -> Exception:
    error: Exception = ValueError("the first")
    for _ in range(1_000):
        error = _with_cause(error)
    return error


MADE: Final[dict[str, Callable[[], BaseException]]] = {
    "MemoryError": MemoryError,
    "Endless": lambda: Endless("no end"),
    "CancelledError": asyncio.CancelledError,
    "GeneratorExit": GeneratorExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit("as it says"),
    "WorkerTerminate": lambda: WorkerTerminate(1),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("both", [Endless(), ValueError(LONG)]),
    "ExceptionGroup": lambda: ExceptionGroup("both", [MemoryError(), NoText()]),
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "NoText": NoText,
    "NoCopy": NoCopy,
    "NoClass": NoClass,
    "Disguised": Disguised,
    "NoTruth": NoTruth,
    "TextOfItsOwn": TextOfItsOwn,
    "NoNotes": NoNotes,
    "Unmade": lambda: Unmade(1, "cannot be made again"),
    "OSError": lambda: OSError(LONG),
    "UnicodeError": lambda: UnicodeError("a\x00b\ud800"),
    "SoftTimeLimitExceeded": SoftTimeLimitExceeded,
    "WorkerLostError": lambda: WorkerLostError("not at all"),
    "Terminated": lambda: Terminated(15),
    "Retry": lambda: Retry("again"),
    "Ignore": Ignore,
    "Reject": lambda: Reject("no", requeue=True),
}
"""The name of a class → one of it."""

OF_VALUE_ERROR: Final[dict[str, Callable[[], BaseException]]] = {
    "no copy": lambda: _with_cause(NoCopy()),
    "no text": lambda: _with_cause(NoText()),
    "cycle": _in_a_cycle,
    "chain": _long_chain,
    "note": _with_note,
    "lock": _with_lock,
    "long": lambda: ValueError("x" * 50_000),
    "deep": _from_deep_down,
}
"""What is around an ordinary error → one of them."""


def each() -> Iterator[tuple[str, str]]:
    """Of both: which, and the name that is reported."""
    yield from ((which, which) for which in MADE)
    yield from ((which, "ValueError") for which in OF_VALUE_ERROR)


def raise_it(which: str) -> None:
    error = (MADE | OF_VALUE_ERROR)[which]()
    raise error
