"""What you test your own sagas with. It needs PostgreSQL, and Django's test cases or pytest-django.

- `Conversation` talks to the state machine alone: which step is due, what it answers, what follows.
  No database, no function of yours: milliseconds.
- `make_context` makes what a step's function is called with, to test the function by itself.
- `worker` runs sagas to their end in the test's own process: your functions, the engine and
  PostgreSQL, without Celery and without a broker.

With pytest, the fixtures `saga_worker` and `define_saga` come with the library
(`sagas.testing.plugin`).

What these can't show, because one thread does one thing after the other: races between workers,
steps that really run side by side, time limits and leases that end in the middle of an action,
workers that are killed, messages that are lost or come twice, queues and routes, step in step with
other sagas, live progress. The engine's own tests are on those, with real processes.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from sagas.testing.contexts import make_context
from sagas.testing.conversation import Conversation

if TYPE_CHECKING:
    from sagas.testing.workers import Worker

__all__ = ["Conversation", "make_context", "worker"]


def worker() -> "AbstractContextManager[Worker]":
    """Within the block, the one worker that there is. Nothing is sent to a broker, nothing is
    pushed. In a `TestCase`: `self.worker = self.enterContext(sagas.testing.worker())`."""
    from sagas.testing.workers import working  # pytest imports this package before Django is set up

    return working()
