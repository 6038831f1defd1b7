"""What an action raised, as Celery can bear it (R25).

Celery pickles, prints, logs and stores whatever comes out of a task. It ends the worker at a
`MemoryError`, leaves the process at what is no `Exception`, and does as `Retry`, `Reject`, `Ignore`
and billiard's own errors tell it. The engine has the error's name and text by then: what would do
harm goes to Celery as `StepRaised`, with both of them and a traceback of bounded length.
"""

import pickle
import traceback
from collections import deque
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Final

from billiard.common import terminate_handler_fired
from billiard.exceptions import Terminated, WorkerLostError
from celery.exceptions import TaskPredicate
from celery.worker import state

from sagas.machine.failures import is_a, name_of, text_of

CHAIN_LIMIT: Final = 30
"""Exceptions that are looked at: the error, its cause, the cause of that …"""

FRAMES: Final = 40
"""Calls of a traceback that is shortened, the innermost ones."""

TEXT_LIMIT: Final = 20_000
"""Characters of a traceback. Celery logs it, sends it to the main process and stores it."""

PICKLE_LIMIT: Final = 64 * 1024
"""Bytes of an error as Celery sends it to the main process."""

_TELLING_CELERY: Final = (MemoryError, TaskPredicate, Terminated, WorkerLostError)
"""Errors by which a task tells Celery what to do, or Celery tells itself that a process died."""

# As Python itself reads them: a class may have other attributes of these names.
_CAUSE: Final = vars(BaseException)["__cause__"].__get__
_CONTEXT: Final = vars(BaseException)["__context__"].__get__
_TRACEBACK: Final = vars(BaseException)["__traceback__"].__get__


class StepRaised(Exception):
    """Stands for an error that an action raised: its name and its text."""


def bearable(error: BaseException) -> BaseException:
    """The error itself if Celery can deal with it, else a `StepRaised` in its place."""
    return error if _is_bearable(error) else stand_in(error)


def stand_in(error: BaseException) -> StepRaised:
    """With its name, its text and the innermost of its calls."""
    text = text_of(error)
    found = StepRaised(f"{name_of(error)}: {text}" if text else name_of(error))
    found.__traceback__ = _shortened(_TRACEBACK(error))
    if not _is_bearable(found):  # the lines of its source are long
        found.__traceback__ = None
    return found


def is_bearable_kind(error: BaseException) -> bool:
    """Whether it is an exception by which Celery neither ends a process nor is told what to do."""
    return is_a(error, Exception) and not is_a(error, _TELLING_CELERY)


def is_end_of_process(error: BaseException) -> bool:
    """Whether it was raised by whoever ends this process (SIGTERM to a child, a second SIGINT to a
    worker), and not by the action."""
    if is_a(error, Exception):
        return False
    return terminate_handler_fired() or state.should_terminate not in (None, False)


def free_memory(error: BaseException) -> None:
    """If memory ran out: lets go of what the calls that ended by it held. What is left to do needs
    some."""
    chain = list(islice(_chain(error), CHAIN_LIMIT))
    if any(is_a(each, MemoryError) for each in chain):
        for each in chain:
            traceback.clear_frames(_TRACEBACK(each))


def _is_bearable(error: BaseException) -> bool:
    """Whether it can be pickled and printed, too, and is of bounded size."""
    if not is_bearable_kind(error) or len(list(islice(_chain(error), CHAIN_LIMIT))) == CHAIN_LIMIT:
        return False
    try:
        pickled = pickle.dumps(error)
        if len(pickled) > PICKLE_LIMIT:
            return False
        text = "".join(traceback.format_exception(error)) + repr(error)
        text.encode()
        pickle.loads(pickled)  # noqa: S301  (made a few lines above)
        return len(text) <= TEXT_LIMIT and "\x00" not in text
    except BaseException:  # of its own methods
        return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause or what it was raised amid, and so on. Endless for a cycle."""
    following: BaseException | None = error
    while following is not None:
        yield following
        cause = _CAUSE(following)
        following = _CONTEXT(following) if cause is None else cause


def _shortened(found: TracebackType | None) -> TracebackType | None:
    innermost: deque[TracebackType] = deque(maxlen=FRAMES)
    while found is not None:
        innermost.append(found)
        found = found.tb_next
    short: TracebackType | None = None
    for each in reversed(innermost):
        short = TracebackType(short, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return short
