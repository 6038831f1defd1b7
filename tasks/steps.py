"""Each step and each compensation as a Celery task of its own name.

`order_processing.process_payment` and `order_processing.process_payment.compensate`: Flower shows
them, `task_routes` and `rate_limit` find them. A task's arguments are the execution's id and the
fence that the hint was made for; everything else is in the row. So a forged or garbled message
can do no more than a hint could (R20).

Messages are acknowledged as soon as they are received: a message that is lost with its worker is
made good by the row's `wake_at`, and one that the broker keeps would be handed out a second time
in vain.
"""

import logging
import time
from collections.abc import Iterable

from celery import shared_task

from clients.calling import in_step
from clients.errors import Later, NotSent, Refused, ServiceError
from sagas import engine
from sagas.machine import Direction, Failure, FailureKind, Saga, Verdict
from sagas.machine.failures import classify
from tasks import run_on
from tasks.at_work import at_work
from tasks.hints import is_bigint
from tasks.limits import limited
from tasks.names import task_name
from tasks.quick import took, watch

logger = logging.getLogger(__name__)


class StepTask(run_on.RunsOn):
    """One direction of one step."""

    Request = "tasks.step_request:StepRequest"
    step: str
    direction: Direction


def register_tasks(sagas: Iterable[Saga]) -> None:
    """Makes a task of each direction of each step; versions of one type share theirs."""
    names: dict[str, tuple[str, Direction]] = {}
    for saga in sagas:
        for step in saga.claimed_steps:
            for direction in Direction:
                if step.callable_for(direction) is not None:
                    name = task_name(saga.saga_type, step.name, direction)
                    names[name] = step.name, direction
    for name, (step_name, direction) in names.items():
        _register(name, step_name, direction)


def _register(name: str, step: str, direction: Direction) -> None:
    """Without limits of Celery's: each step keeps its own (`tasks.limits`)."""
    watch(name)

    @shared_task(
        base=StepTask,
        bind=True,
        name=name,
        step=step,
        direction=direction,
    )
    def run(task: StepTask, execution_id: object = None, fence: object = None) -> None:
        if is_bigint(execution_id) and is_bigint(fence):
            perform(execution_id, task.step, task.direction, fence)
        else:
            logger.warning("%s: a message without an execution and a fence; ignored.", name)


def perform(execution_id: int, step: str, direction: Direction, fence: int) -> None:
    """Claims one attempt, unless that was done with the report before it, runs it, and reports what
    became of it; if it may run on, the next step is claimed with that.

    Raises what the action raised, after it was reported: Celery then keeps the traceback. One that
    was held back before it began is no failure.
    """
    course = run_on.course()
    work = (course or engine).claim(execution_id, step, direction, fence)
    if work is None:
        return
    may_run_on = course.may_after(work) if course else None
    reported, began = None, time.monotonic()
    try:
        with (
            at_work(work, work.claimed.hard_limit),
            limited(work.claimed.soft_limit, work.claimed.hard_limit),
            in_step(work.context["idempotency_key"], work.saga_id) as calls,
        ):
            reported = engine.run_atomic(work, may_run_on) if work.is_atomic else None
            returned = None if work.is_atomic else work.run()
    except Exception as error:
        took(work, time.monotonic() - began)
        # An earlier call of this attempt may have done something, whatever the last one came to.
        wrote = calls.wrote and isinstance(error, ServiceError)
        kind = FailureKind.UNKNOWN if wrote else failure_kind(error)
        is_later = kind is FailureKind.LATER
        final = not is_later and not work.retry.repeats(error)
        reported = engine.fail(work, Failure.of(kind, error), final=final, may_run_on=may_run_on)
        _log(work, f"held back ({error})" if is_later else type(error).__name__, reported.verdict)
        if not is_later:
            raise
    else:
        took(work, time.monotonic() - began)
        if reported is None and course:
            _log(work, "succeeded", course.succeed(work, returned))
        else:
            reported = reported or engine.succeed(work, returned)
            _log(work, "succeeded", reported.verdict)
    finally:
        if course and reported:
            course.go_on(reported)


def failure_kind(error: Exception) -> FailureKind:
    """What an exception says of the attempt's effect; the clients' own errors count, too."""
    if isinstance(error, Refused):
        return FailureKind.REJECTED
    if isinstance(error, NotSent):
        return FailureKind.UNREACHABLE
    if isinstance(error, Later):
        return FailureKind.LATER
    return classify(error)


def _log(work: engine.Work, outcome: str, verdict: Verdict) -> None:
    late = verdict is Verdict.LATE
    logger.log(
        logging.WARNING if late else logging.INFO,
        "%s: %s, %s %s: %s%s",
        work.saga_id,
        work.step,
        work.direction,
        work.attempt,
        outcome,
        ", but after its lease: recorded as late. If that is frequent, raise the step's timeout."
        if late
        else "",
    )
