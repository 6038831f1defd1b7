"""Running on: a worker that has reported a step goes on with the next one of its saga in place.

A message costs more than all the rest of a step. So the report and the claim of the next step are
one statement, and that step runs here, as the Celery task that it is: with an id, signals, a log
context, a stored failure and events for Flower of its own. Whatever breaks, the claim has its lease
and the row its wake_at.

The other sagas that the message told of (`sagas.worker.hints`) have their turn in the same way, one
after the other or in step (`sagas.worker.fast.batch`).

How far it goes is bounded, so that a message does not keep a worker from all others: INLINE_STEPS
and INLINE_MS.
"""

import mmap
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from celery import Task, current_app
from celery.app.task import Context

from sagas.conf import conf
from sagas.worker.executor import executing
from sagas.worker.fast import task_events
from sagas.worker.fast.batch import BatchExecutor
from sagas.worker.hints import HEADER, HintTarget, argsrepr, others_in, send_again
from sagas.worker.lost import holder_in

Tracer = Callable[..., Any]
"""What Celery runs a task by: (id, args, kwargs, request) → (value, info, runtime, text)."""

_shared: Final = mmap.mmap(-1, 1)
"""What a worker's main process lets its children know: whether somebody listens to the events of
tasks. In memory that a fork shares."""


class InlineTask(Task):
    """A task whose message may lead to more than one of its kind."""

    abstract = True
    _trace_alone: Tracer | None = None
    _trace: Tracer | None = None

    # Celery builds what runs a task once for each process, and leaves it here.
    @property
    def __trace__(self) -> Tracer | None:
        return self._trace if conf.FAST else self._trace_alone

    @__trace__.setter
    def __trace__(self, tracer: Tracer | None) -> None:
        self._trace_alone = tracer
        self._trace = None if tracer is None else partial(_trace, tracer)

    def trace_alone(self, *arguments: Any) -> Any:
        """Runs this task, and no other after it."""
        assert self._trace_alone is not None, "a process that runs tasks can run them all"
        return self._trace_alone(*arguments)


def telling(*, is_so: bool) -> None:
    """Lets all children know whether to tell of their tasks."""
    _shared[0] = is_so


def _trace(
    tracer: Tracer, task_id: str, args: Any, kwargs: Any, request: Mapping[str, Any] | None = None
) -> Any:
    """Runs the task of a message, and then those that follow it."""
    request = request or {}
    holder = holder_in(task_id, request.get("hostname", ""))
    mine = BatchExecutor(request.get("task", ""), holder, others_in(request))
    with executing(mine):
        outcome = tracer(task_id, args, kwargs, request)
        if mine.has_more:
            _trace_those_after(request, mine)
        return outcome


def _trace_those_after(before: Mapping[str, Any], mine: BatchExecutor) -> None:
    """Runs the tasks that no message of their own was sent for. `before` is the request of the one
    that was."""
    own = {key: value for key, value in before.items() if key != HEADER}
    common = {
        **own,
        "headers": Context(own).headers or {},  # else each of them looks for its own
        "parent_id": before.get("id"),
        "root_id": before.get("root_id") or before.get("id"),
    }
    tasks = current_app.tasks
    while following := mine.next():
        name, told = following
        _trace_next(tasks[name], told, common)
        if mine.end_if_stuck():
            break
    if mine.others.told:
        send_again(before["task"], mine.others)
    for task_id in mine.task_ids.values():
        _tell(before.get("hostname"), "task-rejected", uuid=task_id, requeue=False)


def _trace_next(task: InlineTask, told: HintTarget, common: Mapping[str, Any]) -> None:
    """Runs one of them. `common` is of its request."""
    task_id = told.task_id or str(uuid.uuid4())
    request = {
        **common,
        "id": task_id,
        "task": task.name,
        "correlation_id": task_id,
        "argsrepr": argsrepr(told),
    }
    tell = partial(_tell, common.get("hostname"), uuid=task_id)
    if not told.task_id:  # else the worker's main process has told that
        tell("task-received", name=task.name, args=request["argsrepr"], kwargs="{}", retries=0)
    tell("task-started")
    args = (told.execution_id, told.fence)
    value, info, runtime, text = task.trace_alone(task_id, args, {}, request)
    if info is None:
        tell("task-succeeded", result=text, runtime=runtime)
    else:
        tell("task-failed", exception=repr(info.retval), traceback=getattr(value, "traceback", ""))


def _tell(hostname: str | None, kind: str, **fields: Any) -> None:
    if _shared[0] and hostname:
        task_events.tell(hostname, kind, fields)
