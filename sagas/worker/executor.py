"""How the steps of a message are claimed and reported.

Here the plain way: one claim, one action, one report, each a transaction of its own. What is fast
does the same for many steps at once (`sagas.worker.fast.batch`); the setting `FAST` switches it
off.
"""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from sagas import engine
from sagas.machine import Direction, Verdict
from sagas.worker.room import ROOM

_here: Final = threading.local()


class StepExecutor:
    """Claims the step that a message asks for, and reports it. `holder` is who claims; None in a
    pool of threads, where other messages' actions run beside this one (S14)."""

    def __init__(self, holder: str | None) -> None:
        self._has_room_mates = holder is None
        self._is_alone = False
        self._holder = holder or uuid.uuid4().hex
        """Whichever step it is: whoever reports a process as lost knows only the message."""

    def claim(
        self, execution_id: int, step: str, direction: Direction, fence: int
    ) -> engine.Work | None:
        """The work of the task that begins now; None if there is none for it."""
        return self._claim(execution_id, step, direction, fence)

    def may_after(self, before: engine.Work) -> engine.MayClaimInline | None:
        """Which steps may be claimed with the report of `before`; None for no step."""
        return None

    def took(self, work: engine.Work, seconds: float) -> None:
        """Notes how long an action ran."""

    def succeed(self, work: engine.Work, returned: object) -> Verdict:
        """Reports it."""
        return engine.succeed(work, returned).verdict

    def go_on(self, reported: engine.ReportResult) -> None:
        """With what was claimed with that report."""

    def enter(self) -> None:
        """Called before the first task of the message; `leave` after its last."""
        if self._has_room_mates:
            ROOM.enter()

    def leave(self) -> None:
        if self._is_alone:
            ROOM.let_in()
        if self._has_room_mates:
            ROOM.leave()

    def _claim(
        self,
        execution_id: int,
        step: str,
        direction: Direction,
        fence: int,
        *,
        seen: engine.Row | None = None,
        together: bool = False,
    ) -> engine.Work | None:
        """`together`: other sagas' actions are claimed for this message, too. A step that goes
        alone is refused then, and if threads run beside this one; those it waits for (S14)."""
        claim = partial(engine.claim, execution_id, step, direction, fence, holder=self._holder)
        has_company = self._has_room_mates and not self._is_alone
        work = claim(seen=seen, together=together or has_company)
        if work or together or not has_company:
            return work
        row = engine.look_ahead([execution_id]).get(execution_id)
        if row is None or not row.state.step(step).alone:
            return None
        self._is_alone = True
        ROOM.be_alone()
        return claim(together=False)


@contextmanager
def executing(executor: StepExecutor) -> Iterator[StepExecutor]:
    """Around all that a message leads to. The engine speaks over a session of its own meanwhile:
    actions may leave theirs in any state (R23)."""
    _here.executor = executor
    executor.enter()
    try:
        with engine.own_session():
            yield executor
    finally:
        _here.executor = None
        executor.leave()


def current_executor() -> StepExecutor | None:
    """That of the message that this thread is at; None outside of a worker."""
    return getattr(_here, "executor", None)
