"""Faults in how async actions are run."""

from typing import Final

from tests.mutation.fault import Fault

_LIMITS = "sagas/worker/limits.py"
_LOOP = "sagas/engine/event_loop.py"
_SYNC_THREAD = "sagas/engine/sync_thread.py"

LIMITS = ("worker/test_limits",)
LOOP = ("engine/test_event_loop",)
ORM = ("engine/test_async_orm",)
PARAMETERS = ("machine/test_parameters",)

ASYNC_FAULTS: Final = (
    Fault(
        name="An atomic step may be async, outside of its transaction",
        clause="S9",
        file="sagas/machine/steps.py",
        before='not_async=why if step.atomic else "")',
        after='not_async="")',
        tests=PARAMETERS,
    ),
    Fault(
        name="The timeout of an async action is reported as a cancellation",
        clause="R4",
        file=_LOOP,
        before="                raise limit.error from error\n",
        after="                raise error\n",
        tests=LOOP,
    ),
    Fault(
        name="A timeout strikes the event loop, and not the action in it",
        clause="R4",
        file=_LIMITS,
        before="not _alarm.is_put_off and engine.ask_event_loop():",
        after="not _alarm.is_put_off and engine.event_loop_has_answered():",
        tests=LIMITS,
    ),
    Fault(
        name="An async action that never awaits is not told of its timeout",
        clause="R4",
        file=_LIMITS,
        before="    if not (_alarm.is_put_off and engine.event_loop_has_answered()):",
        after="    if not _alarm.is_put_off:",
        tests=LIMITS,
    ),
    Fault(
        name="A task of one saga's action runs on in another's",
        clause="R4",
        file=_LOOP,
        before="if left := asyncio.all_tasks(self._loop).difference(self._lasting):",
        after="if left := asyncio.all_tasks(self._loop).difference(asyncio.all_tasks(self._loop)):",
        tests=LOOP,
    ),
    Fault(
        name="A client that is made once loses its tasks with the action that made it",
        clause="R4",
        file=_LOOP,
        before="            self._lasting.add(task)\n",
        after="            pass\n",
        tests=LOOP,
    ),
    Fault(
        name="A forked child goes on with the event loop of its parent",
        clause="R4",
        file=_LOOP,
        before="after_in_child=_forget_all)",
        after="after_in_child=_let_go)",
        tests=LOOP,
    ),
    Fault(
        name="The ORM of an async action has a session that nobody looks after",
        clause="R23",
        file=_SYNC_THREAD,
        before="            with sessions.over(self._theirs):\n",
        after="            with sessions.without_own():\n",
        tests=ORM,
    ),
    Fault(
        name="What an async action leaves open is not looked for",
        clause="R23",
        file=_SYNC_THREAD,
        before="        sessions.note_opened()\n",
        after="",
        tests=("worker/test_dirty_sessions",),
    ),
)
