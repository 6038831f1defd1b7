"""Running on: a worker that has reported a step goes on with the next one of its saga in place.

A message costs more than all the rest of a step. So the report and the claim of the next step are
one statement, and that step runs here, as the Celery task that it is: with an id, signals, a log
context, a stored failure and events for Flower of its own. Whatever breaks, the claim has its lease
and the row its wake_at.

Then it goes on with the other sagas that the message told of (`tasks.hints`), in the same way.

How far it goes is bounded, so that a message does not keep a worker from all others: RUN_ON_STEPS
and RUN_ON_MS.
"""

import mmap
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

from celery import Task, current_app
from celery.app.task import Context
from django.conf import settings

from sagas import engine
from sagas.machine import Direction, SagaStep
from tasks import task_events
from tasks.hints import HEADER, Others, Told, argsrepr, others_in, send_again
from tasks.limits import without_those_of_celery
from tasks.lost import holder_in
from tasks.names import queue_of, task_name

Tracer = Callable[..., Any]
"""What Celery runs a task by: (id, args, kwargs, request) → (value, info, runtime, text)."""

_STOPPING, _TELLING = 0, 1
_shared: Final = mmap.mmap(-1, 2)
"""What a worker's main process lets its children know: whether it is being stopped, and whether
somebody listens to the events of tasks. A byte each, in memory that a fork shares."""

_here: Final = threading.local()


class Course:
    """The steps that one message leads to, one after the other, in one thread: those of its saga,
    and then those of the other sagas that it told of."""

    def __init__(self, holder: str | None, others: Others) -> None:
        self.holder = holder
        """Who claims, whichever step: whoever reports a process as lost knows only the message."""
        self.others = others
        self._rows: dict[int, engine.Row] | None = None
        self.claimed: engine.Work | None = None
        """What the next task is for: it need not claim it any more."""
        self._steps = 1
        self._ends_at = time.monotonic() + settings.RUN_ON_MS / 1000

    def take(self) -> engine.Work | None:
        """What the task that begins now is for, if that is claimed."""
        work, self.claimed = self.claimed, None
        return work

    def row_of(self, execution_id: int) -> engine.Row | None:
        """As it stood a moment ago: those of all sagas that the message told of are read at
        once."""
        if self._rows is None:
            others = [told.execution_id for told in self.others.told]
            self._rows = engine.look_ahead([execution_id, *others]) if others else {}
        return self._rows.pop(execution_id, None)

    def go_on(self, work: engine.Work | None) -> None:
        """With `work`, once the present task has ended; None if that was the last."""
        self.claimed = work
        self._steps += work is not None

    def may(self, before: engine.Work, step: SagaStep, direction: Direction) -> bool:
        """Whether `step` may be claimed with the report of `before`, and run in place."""
        return self._may_claim() and _may_follow(before, step, direction)

    def take_other(self) -> Told | None:
        """The next saga that the message told of; None if there is no other, or no time for it."""
        if not self.others.told or not self._may_claim():
            return None
        told, *left = self.others.told
        self.others = self.others._replace(told=left)
        self._steps += 1
        return told

    def _may_claim(self) -> bool:
        is_over = self._steps >= settings.RUN_ON_STEPS or time.monotonic() >= self._ends_at
        return not (is_over or _shared[_STOPPING])


class RunsOn(Task):
    """A task whose message may lead to more than one of its kind."""

    abstract = True
    _trace_alone: Tracer | None = None
    _trace: Tracer | None = None

    # Celery builds what runs a task once for each process, and leaves it here.
    @property
    def __trace__(self) -> Tracer | None:
        return self._trace

    @__trace__.setter
    def __trace__(self, tracer: Tracer | None) -> None:
        self._trace_alone = tracer
        self._trace = None if tracer is None else partial(_trace, tracer)

    def trace_alone(self, *arguments: Any) -> Any:
        """Runs this task, and no other after it."""
        assert self._trace_alone is not None, "a process that runs tasks can run them all"
        return self._trace_alone(*arguments)


def course() -> Course | None:
    """The one that this thread is on; None outside of a worker."""
    return getattr(_here, "course", None)


def stopping(*, is_so: bool) -> None:
    """Lets all children know that the worker is being stopped: they claim nothing more (R16)."""
    _shared[_STOPPING] = is_so


def telling(*, is_so: bool) -> None:
    """Lets all children know whether to tell of their tasks."""
    _shared[_TELLING] = is_so


def _trace(
    tracer: Tracer, task_id: str, args: Any, kwargs: Any, request: Mapping[str, Any] | None = None
) -> Any:
    """Runs the task of a message, and then those that follow it."""
    request = request or {}
    holder = holder_in(task_id, request.get("hostname", ""))
    _here.course = mine = Course(holder, others_in(request))
    try:
        with without_those_of_celery():
            outcome = tracer(task_id, args, kwargs, request)
            if mine.claimed or mine.others.told:
                _trace_those_after(request, mine)
            return outcome
    finally:
        _here.course = None


def _trace_those_after(before: Mapping[str, Any], mine: Course) -> None:
    """Runs the tasks that no message of their own was sent for. `before` is the request of the one
    that was."""
    own = {key: value for key, value in before.items() if key != HEADER}
    common = {
        **own,
        "headers": Context(own).headers or {},  # else each of them looks for its own
        "parent_id": before.get("id"),
        "root_id": before.get("root_id") or before.get("id"),
    }
    while (work := mine.claimed) or (told := mine.take_other()):
        if work:
            name = task_name(work.definition.saga_type, work.step, work.direction)
            told = Told(work.execution_id, work.fence - 1, work.saga_id)  # as its hint would have
        else:
            name = before["task"]
        assert told is not None, "one of the two"
        _trace_next(name, told, common)
        if work and mine.claimed is work:
            break  # it could not even be begun; its lease ends the claim
    if mine.others.told:
        send_again(before["task"], mine.others)


def _trace_next(name: str, told: Told, common: Mapping[str, Any]) -> None:
    """Runs one of them. `common` is of its request."""
    task_id = str(uuid.uuid4())
    request = {
        **common,
        "id": task_id,
        "task": name,
        "correlation_id": task_id,
        "argsrepr": argsrepr(told),
    }
    tell = partial(_tell, common.get("hostname"), uuid=task_id)
    tell("task-received", name=name, args=request["argsrepr"], kwargs="{}", retries=0)
    tell("task-started")
    args = (told.execution_id, told.fence)
    value, info, runtime, text = current_app.tasks[name].trace_alone(task_id, args, {}, request)
    if info is None:
        tell("task-succeeded", result=text, runtime=runtime)
    else:
        tell("task-failed", exception=repr(info.retval), traceback=getattr(value, "traceback", ""))


def _tell(hostname: str | None, kind: str, **fields: Any) -> None:
    if _shared[_TELLING] and hostname:
        task_events.tell(hostname, kind, fields)


def _may_follow(before: engine.Work, step: SagaStep, direction: Direction) -> bool:
    """Whether a message for `step` would have come to this same queue, and at once: a limit of
    tasks a second is kept by whoever takes messages."""
    name = task_name(before.definition.saga_type, step.name, direction)
    task = current_app.tasks.get(name)
    if not step.run_on or task is None or task.rate_limit:
        return False
    name_here = task_name(before.definition.saga_type, before.step, before.direction)
    queue = _queue_of(name, step.queue)
    return queue is not None and queue == _queue_of(name_here, before.claimed.queue)


_queue_of: Final = cache(queue_of)  # a process that runs tasks has its routes
