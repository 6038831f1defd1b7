"""Tasks that an async action leaves running on purpose: those of a client that is made once."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

IS_LASTING: Final = ContextVar("is_lasting", default=False)
"""Whether tasks that are begun now are kept. Those that they begin themselves have it from them."""


@contextmanager
def lasting_tasks() -> Iterator[None]:
    """In an async action: tasks that are begun within the block go on when the action has ended,
    until its event loop is closed. All others are cancelled then."""
    token = IS_LASTING.set(True)
    try:
        yield
    finally:
        IS_LASTING.reset(token)
