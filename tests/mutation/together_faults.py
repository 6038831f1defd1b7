"""Faults in what goes together: sagas in step, and messages that wait for a process."""

from typing import Final

from tests.mutation.fault import Fault

_BATCH = "sagas/worker/fast/batch.py"
_WAITING = "sagas/worker/fast/message_batching.py"

GO_IN_STEP = ("worker/test_in_step",)
WAITING = ("worker/test_waiting",)

IN_STEP = (
    Fault(
        name="Slow actions go in step",
        clause="L2",
        file="sagas/worker/fast/latency.py",
        before=" and _runs[place].bit_count() >= OF_WHICH_QUICK\n",
        after="\n",
        tests=GO_IN_STEP,
    ),
    Fault(
        name="What is done waits for all that has not begun",
        clause="L2",
        file=_BATCH,
        before=" or time.monotonic() - self._done_since > HOLD",
        after="",
        tests=GO_IN_STEP,
    ),
    Fault(
        name="An action begins when its lease is nearly over",
        clause="S1",
        file=_BATCH,
        before="            if time.monotonic() - claimed_at <= FRESH:\n",
        after="            if claimed_at:\n",
        tests=GO_IN_STEP,
    ),
    Fault(
        name="Whoever was not claimed with the others is forgotten",
        clause="L2",
        file=_BATCH,
        before="if told.execution_id not in found]",
        after="if not found]",
        tests=GO_IN_STEP,
    ),
    Fault(
        name="What others have done is lost with a task that cannot begin",
        clause="L2",
        file=_BATCH,
        before="        self._ends_at = 0.0\n        self._report()\n",
        after="        self._ends_at = 0.0\n",
        tests=GO_IN_STEP,
    ),
    Fault(
        name="What was not saved with the others is taken for saved",
        clause="S8",
        file="sagas/engine/saving.py",
        before="in saved or not written.changes_row",
        after="in saved or written",
        tests=GO_IN_STEP,
    ),
    Fault(
        name="One result that cannot be stored ends the others",
        clause="R17",
        file="sagas/engine/working.py",
        before="    except NotStorable:\n        return None\n",
        after="    except LookupError:\n        return None\n",
        tests=GO_IN_STEP,
    ),
)

WAITING_TOGETHER = (
    Fault(
        name="A message that goes along with another is never acknowledged",
        clause="L2",
        file="sagas/worker/step_request.py",
        before="            each.acknowledge()\n",
        after="",
        tests=WAITING,
    ),
    Fault(
        name="Messages of two queues go together",
        clause="Celery",
        file=_WAITING,
        before="key, sagas = (request.name, queue), len(told)",
        after="key, sagas = (request.name, None), len(told)",
        tests=WAITING,
    ),
    Fault(
        name="A message that was revoked goes along with others",
        clause="Celery",
        file=_WAITING,
        before=" for each in group.requests if not each.revoked()]",
        after=" for each in group.requests]",
        tests=WAITING,
    ),
    Fault(
        name="A process that nobody needs is never free again",
        clause="L2",
        file=_WAITING,
        before="            self._semaphore.release()\n",
        after="            pass\n",
        tests=WAITING,
    ),
    Fault(
        name="A worker takes slow steps ahead of its processes",
        clause="L2",
        file=_WAITING,
        before="            qos.decrement_eventually(self._taken_ahead)\n",
        after="",
        tests=WAITING,
    ),
    Fault(
        name="All messages that go together share the budget of one",
        clause="L2",
        file=_BATCH,
        before=" * (1 + len(self.task_ids))",
        after="",
        tests=("worker/test_own_messages",),
    ),
    Fault(
        name="A step that should have a message runs on with others' budget",
        clause="Celery",
        file=_BATCH,
        before="conf.INLINE_STEPS <= 1 or ",
        after="",
        tests=("worker/test_own_messages",),
    ),
)

TOGETHER_FAULTS: Final = (*IN_STEP, *WAITING_TOGETHER)
