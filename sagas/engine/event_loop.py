"""Where async actions run: each thread that runs steps has one event loop, kept from step to step,
so that the clients that an action made can be used by the next one.

The loop runs in the thread of the step itself, and only while an async action does: nobody else's
code goes on meanwhile, or afterwards. A forked child makes its own.
"""

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext

from sagas.engine.sync_thread import SyncThread
from sagas.lasting import IS_LASTING

logger = logging.getLogger(__name__)

ENDING: Final = 1.0
"""Seconds that tasks have to end once they are cancelled: less than what the end of a process is
later than a timeout."""


class SoftLimit(NamedTuple):
    """When an action is to end, by the monotonic clock, and what an attempt is told then."""

    ends_at: float
    error: type[BaseException]


def run(awaitable: Awaitable[Any], limit: SoftLimit | None = None) -> Any:
    """What the awaitable of an action returns. Raises what that does. At the limit its task is
    cancelled, and if it ends by that, the limit's error is raised.

    Tasks that it leaves behind are cancelled and awaited. Raises RuntimeError in a thread that
    runs an event loop already.
    """
    if _is_async_here():
        getattr(awaitable, "close", lambda: None)()
        raise RuntimeError(
            "An async action can't run here: this thread runs an event loop, and runs it itself. "
            "From async code, call what runs the action by `await asyncio.to_thread(…)`."
        )
    runner = _here.runner
    if runner is None:
        runner = _here.runner = _new_runner()
    try:
        return runner.run(awaitable, limit)
    finally:
        if runner.is_closed:
            _here.runner = None
            _runners.discard(runner)


def ask_event_loop() -> bool:
    """Asks the loop that runs in this thread for an answer; False if none runs here. From a handler
    of a signal, too."""
    runner = _here.runner
    return runner is not None and runner.ask()


def event_loop_has_answered() -> bool:
    """Whether a loop runs in this thread and has answered since it was asked. One that has not is
    kept by code that does not await."""
    runner = _here.runner
    return runner is not None and runner.has_answered


def close_all() -> None:
    """Closes the loops of all threads of this process that are idle. The next action would get a
    new one."""
    while _runners:
        _runners.pop().close()
    _here.runner = None


class _Runner:
    """A loop, and the thread beside it in which `sync_to_async` runs what it is given."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(self._make_task)
        self._lasting: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._answered = False
        self._timed_out = False
        self._sync_thread = SyncThread()
        self._for_asgiref = ThreadSensitiveContext()
        """As long as it lives, asgiref finds the thread by it."""
        SyncToAsync.context_to_thread_executor[self._for_asgiref] = self._sync_thread

    @property
    def is_closed(self) -> bool:
        return self._loop.is_closed()

    @property
    def has_answered(self) -> bool:
        return self._loop.is_running() and self._answered

    def ask(self) -> bool:
        if not self._loop.is_running():
            return False
        self._answered = False
        self._loop.call_soon_threadsafe(self._answer)
        return True

    def run(self, awaitable: Awaitable[Any], limit: SoftLimit | None) -> Any:
        self._timed_out = False
        self._sync_thread.begin()
        try:
            task = self._loop.create_task(self._outcome_of(awaitable))
            timer = None if limit is None else self._cancel_at(limit, task)
            returned, error = self._loop.run_until_complete(task)
            if timer is not None:
                timer.cancel()
            self._end_what_is_left()
        except BaseException:  # of the loop itself, which can't be trusted any more
            self.close()
            raise
        if error is None:
            return returned
        try:
            if limit and self._timed_out and issubclass(type(error), asyncio.CancelledError):
                raise limit.error from error
            raise error
        finally:
            del error  # which has this frame in its traceback

    def close(self) -> None:
        """Ends what is left. Never raises."""
        if self.is_closed or self._loop.is_running():
            return
        with suppress(BaseException):
            self._loop.run_until_complete(_end_tasks(()))
        with suppress(BaseException):
            generators = self._loop.shutdown_asyncgens()
            self._loop.run_until_complete(asyncio.wait_for(generators, ENDING))
        self._drop()

    async def _outcome_of(self, awaitable: Awaitable[Any]) -> tuple[Any, BaseException | None]:
        """What it returned, or raised: asyncio would let some errors end the loop, too."""
        # Where it is called from may be such a context itself, as a test that is async.
        AsyncToSync.executors.current = None
        SyncToAsync.thread_sensitive_context.set(self._for_asgiref)
        try:
            return await awaitable, None
        except BaseException as error:
            return None, error

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **options)
        context = options.get("context")
        if IS_LASTING.get() if context is None else context.get(IS_LASTING):
            self._lasting.add(task)
        return task

    def _cancel_at(self, limit: SoftLimit, task: asyncio.Task[Any]) -> asyncio.TimerHandle:
        def cancel() -> None:
            self._timed_out = True
            task.cancel("the step's timeout")

        return self._loop.call_later(max(0.0, limit.ends_at - time.monotonic()), cancel)

    def _end_what_is_left(self) -> None:
        """Tasks, and what runs in the thread beside the loop."""
        if left := asyncio.all_tasks(self._loop).difference(self._lasting):
            if names := _names(left):
                logger.warning("Tasks that an action left running are cancelled: %s", names)
            if stubborn := self._loop.run_until_complete(_end_tasks(self._lasting)):
                logger.error(
                    "Tasks that an action left running did not end when they were cancelled: %s. "
                    "Their event loop is closed, and clients that belong to it are of no more use.",
                    _names(stubborn),
                )
                self._drop()
                return
        if calls := self._sync_thread.take_calls():
            ends = [asyncio.wrap_future(call, loop=self._loop) for call in calls]
            self._loop.run_until_complete(asyncio.gather(*ends, return_exceptions=True))

    def _drop(self) -> None:
        self._loop.close()
        self._sync_thread.take_calls()
        self._sync_thread.shutdown(wait=False)

    def _answer(self) -> None:
        self._answered = True


async def _end_tasks(spared: Iterable[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Cancels all tasks of the running loop but this one and those that are `spared`, and waits for
    them; those that are still there after `ENDING` seconds. Generators that are being closed may
    finish that."""
    here, loop = asyncio.current_task(), asyncio.get_running_loop()
    until = loop.time() + ENDING
    told: set[asyncio.Task[Any]] = set()
    while left := asyncio.all_tasks().difference(spared, {here}):
        for task in left - told:
            if not _is_closing(task):
                task.cancel()
        told |= left
        if loop.time() >= until:
            return left
        await asyncio.wait(left, timeout=until - loop.time())
    return set()


def _names(tasks: set[asyncio.Task[Any]]) -> str:
    return ", ".join(sorted(str(task.get_coro()) for task in tasks if not _is_closing(task)))


def _is_closing(task: asyncio.Task[Any]) -> bool:
    """Whether the loop closes a generator by it that nobody holds any more."""
    return type(task.get_coro()) is _CLOSING


def _is_async_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _generate() -> Any:
    yield


_closing = _generate().aclose()
_CLOSING: Final = type(_closing)
_closing.close()


# --- Whose loop it is -----------------------------------------------------------------------------
class _Here(threading.local):
    runner: _Runner | None = None


_here: Final = _Here()
_runners: Final[set[_Runner]] = set()
_held: Final[list[list[_Runner]]] = []
"""Of forks. To close a loop in a child, or to forget it there, would break that of its parent: both
have the same epoll instance."""


def _new_runner() -> _Runner:
    for runner in [each for each in list(_runners) if not each.thread.is_alive()]:
        with suppress(KeyError):  # another thread does it
            _runners.remove(runner)
            runner.close()
    runner = _Runner()
    _runners.add(runner)
    return runner


def _hold_all() -> None:
    _held.append(list(_runners))


def _let_go() -> None:
    _held.pop()


def _forget_all() -> None:
    _here.runner = None
    _runners.clear()


os.register_at_fork(before=_hold_all, after_in_parent=_let_go, after_in_child=_forget_all)
atexit.register(close_all)
