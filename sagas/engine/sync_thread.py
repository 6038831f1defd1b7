"""Where `sync_to_async` runs what an async action gives it, Django's ORM above all: in one thread
beside the event loop, over the connections of the thread that the step runs in.

So an async action has no sessions of its own: what it leaves open is known as that of a sync action
is (R23), and a test's transaction is around it, too.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from sagas.store import sessions


class SyncThread(ThreadPoolExecutor):
    """One thread. To be used from the thread that it stands beside."""

    def __init__(self) -> None:
        super().__init__(1, "saga-sync")
        self._theirs: Sequence[BaseDatabaseWrapper] = ()
        self._calls: set[Future[Any]] = set()

    def begin(self) -> None:
        """Called before the event loop runs: while it does, Django shows it other connections."""
        self._theirs = connections.all()

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def run() -> Any:
            with sessions.over(self._theirs):
                return call(*args, **kwargs)

        future = super().submit(run)
        self._calls.add(future)
        return future

    def take_calls(self) -> set[Future[Any]]:
        """Those that run yet, since this was last asked: whoever waited for one was cancelled. What
        they have PostgreSQL do is interrupted."""
        if not self._calls:
            return set()
        calls, self._calls = self._calls, set()
        sessions.note_opened()
        if left := {call for call in calls if not call.done()}:
            sessions.interrupt()
        return left
