"""The steps that one message leads to, and in what order.

A message may tell of several sagas (`sagas.worker.hints`). If their actions are quick, they go in
step: what all of them have done is reported, and what that makes due is claimed, in one statement.
A slow action keeps nobody waiting: what is slow goes by itself, and what was claimed for too long
before it could begin is given back.
"""

import logging
import mmap
import time
from collections import deque
from functools import cache
from typing import Final

from celery import current_app

from sagas import engine
from sagas.conf import conf
from sagas.machine import Direction, Failure, FailureKind, SagaStep, Verdict
from sagas.worker.executor import StepExecutor
from sagas.worker.fast import latency
from sagas.worker.fast.latency import is_quick
from sagas.worker.hints import HintTarget, OtherHints
from sagas.worker.names import name_of, queue_of, task_name

logger = logging.getLogger(__name__)

HOLD: Final = 0.02
"""Seconds after which what is done is reported, though others have not begun."""

FRESH: Final = 0.5
"""Seconds for which a claim may wait for its turn: a small part of what a lease is longer than the
step's time limit."""

_shared: Final = mmap.mmap(-1, 1)
"""What a worker's main process lets its children know: whether it is being stopped. In memory that
a fork shares."""


class WaitedTooLong(Exception):
    """A claim waited for too long for its turn."""


class BatchExecutor(StepExecutor):
    """The steps that one message leads to, one after the other, in one thread: those of its saga,
    and of the other sagas that it told of."""

    def __init__(self, name: str, holder: str | None, others: OtherHints) -> None:
        super().__init__(holder)
        self._name = name
        self.others = others
        self._rows: dict[int, engine.Row] | None = None
        self._claimed: deque[tuple[float, engine.Work]] = deque()
        self._done: list[tuple[engine.Work, object]] = []
        self._done_since = 0.0
        self._reporting: list[int] = []
        """The executions for which a report is under way, in its order."""
        self._begins: engine.Work | None = None
        self.task_ids = {told.execution_id: told.task_id for told in others.told if told.task_id}
        """Of those that came by a message of their own: what is left of them."""
        self._steps = 1
        self._budget = conf.INLINE_STEPS * (1 + len(self.task_ids))
        self._ends_at = time.monotonic() + conf.INLINE_MS / 1000

    @property
    def has_more(self) -> bool:
        """Whether something is left of the message after its first task."""
        return bool(self._claimed or self._done or self.others.told or self.task_ids)

    def claim(
        self, execution_id: int, step: str, direction: Direction, fence: int
    ) -> engine.Work | None:
        """What the task that begins now is for. If that is not claimed yet, this does it; for the
        other sagas of the message too, if they can go in step."""
        if work := self._take():
            return work
        if self._may_take_along(execution_id, step):
            found = self._claim_together({execution_id: fence}, step, direction)
            if execution_id in found:
                return found[execution_id]
        seen = self._seen(execution_id).pop(execution_id, None)
        # With others, too, if it has changed since it was seen.
        together = bool(self._claimed)
        return self._claim(execution_id, step, direction, fence, seen=seen, together=together)

    def took(self, work: engine.Work, seconds: float) -> None:
        latency.note(work, seconds)

    def succeed(self, work: engine.Work, returned: object) -> Verdict:
        """Reports it: at once, or with those of the message that go in step with it."""
        if (self._claimed or self._done) and is_quick(name_of(work)):
            self._done_since = self._done_since if self._done else time.monotonic()
            self._done.append((work, returned))
            return Verdict.ACCEPTED
        reported = engine.succeed(work, returned, self.may_after(work))
        self.go_on(reported)
        return reported.verdict

    def go_on(self, reported: engine.ReportResult) -> None:
        """With what was claimed with this report."""
        if reported.next:
            self._steps += 1
            self._claimed.append((time.monotonic(), reported.next))

    def next(self) -> tuple[str, HintTarget] | None:
        """The name of the next task, and what its hint would tell of; None if that was all, or if
        there is no time for more."""
        while True:
            if self._done and (not self._claimed or time.monotonic() - self._done_since > HOLD):
                self._report()
            if not self._claimed:
                return self._take_other()
            claimed_at, work = self._claimed.popleft()
            if time.monotonic() - claimed_at <= FRESH:
                self._begins = work
                return name_of(work), self._told(work)
            _give_back(work)

    def end_if_stuck(self) -> bool:
        """Whether the task could not even be begun: its lease ends that claim. What else there is
        of the message is reported then, or given back."""
        if not self._take():
            return False
        self._ends_at = 0.0
        self._report()
        while self._claimed:
            _give_back(self._claimed.popleft()[1])
        return True

    def may_after(self, before: engine.Work) -> engine.MayClaimInline:
        """Which steps may be claimed with the report of `before`, and run in place. One that is
        not known as quick must not keep others waiting. To ask changes nothing: each that is
        reported together may claim one step, whether it then does or not."""
        has_company = bool(self._claimed or self._done) or len(self._reporting) > 1
        ahead = self._reporting.index(before.execution_id) if self._reporting else 0

        def may(step: SagaStep, direction: Direction) -> bool:
            if not (self._may_claim(ahead) and _may_follow(before, step, direction)):
                return False
            name = task_name(before.definition.saga_type, step.name, direction)
            return not has_company or is_quick(name)

        return may

    def _may_take_along(self, execution_id: int, step: str) -> bool:
        """Whether the others of the message may be claimed with this step (S14)."""
        if not (self.others.told and self._may_claim() and is_quick(self._name)):
            return False
        row = self._seen(execution_id).get(execution_id)
        return row is None or not row.state.step(step).alone

    def _claim_together(
        self, fences: dict[int, int], step: str, direction: Direction
    ) -> dict[int, engine.Work | None]:
        """Claims for the execution in `fences`, and for those that the message told of besides. The
        work of these is queued."""
        (first,) = fences
        for told in self.others.told:
            fences.setdefault(told.execution_id, told.fence)
        found = engine.claim_together(
            fences, step, direction, holder=self._holder, seen=self._seen(first)
        )
        left = [told for told in self.others.told if told.execution_id not in found]
        self.others = self.others._replace(told=left)
        now = time.monotonic()
        claimed = [(now, work) for each, work in found.items() if work and each != first]
        self._claimed.extend(claimed)
        self._steps += len(claimed)
        return found

    def _report(self) -> None:
        """All that is done, and claims what follows. Never raises: leases end what it can't
        report."""
        done, self._done = self._done, []
        self._reporting = [work.execution_id for work, _ in done]
        try:
            reports = engine.succeed_together(done, self.may_after)
            for (work, _), reported in zip(done, reports, strict=True):
                self._reporting.remove(work.execution_id)
                if reported.verdict is not Verdict.ACCEPTED:
                    logger.warning(
                        "%s: %s had succeeded, but is %s.",
                        work.saga_id,
                        work.step,
                        reported.verdict.value,
                    )
                self.go_on(reported)
        except Exception:
            logger.exception("The results of %s sagas could not be reported.", len(done))
        finally:
            self._reporting.clear()

    def _take(self) -> engine.Work | None:
        """What the task that begins now is for; once."""
        work, self._begins = self._begins, None
        return work

    def _told(self, work: engine.Work) -> HintTarget:
        """As the hint for it would have been, or was: the id of a message is used once."""
        task_id = self.task_ids.pop(work.execution_id, None)
        return HintTarget(work.execution_id, work.fence - 1, work.saga_id, task_id)

    def _seen(self, first: int) -> dict[int, engine.Row]:
        """The rows of all sagas that the message told of, as they stood a moment ago, in one
        statement."""
        if self._rows is None:
            others = [told.execution_id for told in self.others.told]
            self._rows = engine.look_ahead([first, *others]) if others else {}
        return self._rows

    def _take_other(self) -> tuple[str, HintTarget] | None:
        """The next saga that the message told of; None if there is no other, or no time for it."""
        if not self.others.told or not self._may_claim():
            return None
        told, *left = self.others.told
        self.others = self.others._replace(told=left)
        self._steps += 1
        self.task_ids.pop(told.execution_id, None)
        return self._name, told

    def _may_claim(self, ahead: int = 0) -> bool:
        """`ahead`: so many others may claim first."""
        is_over = self._steps + ahead >= self._budget or time.monotonic() >= self._ends_at
        return not (is_over or _shared[0])


def stopping(*, is_so: bool) -> None:
    """Lets all children know that the worker is being stopped: they claim nothing more (R16)."""
    _shared[0] = is_so


def _give_back(work: engine.Work) -> None:
    """A claim whose action was not begun: that counts for no attempt."""
    logger.warning("%s: %s waited too long, and is given back.", work.saga_id, work.step)
    waited = WaitedTooLong(f"Others of its message took longer than {FRESH:g} s.")
    try:
        engine.fail(work, Failure.of(FailureKind.LATER, waited))
    except Exception:
        logger.exception("%s could not be given back; its lease ends the claim.", work.saga_id)


def _may_follow(before: engine.Work, step: SagaStep, direction: Direction) -> bool:
    """Whether a message for `step` would have come to this same queue, and at once: a limit of
    tasks a second is kept by whoever takes messages."""
    name = task_name(before.definition.saga_type, step.name, direction)
    task = current_app.tasks.get(name)
    if conf.INLINE_STEPS <= 1 or not step.run_on or task is None or task.rate_limit:
        return False
    queue = _queue_of(name, step.queue)
    return queue is not None and queue == _queue_of(name_of(before), before.claimed.queue)


_queue_of: Final = cache(queue_of)  # a process that runs tasks has its routes
