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
from collections.abc import Iterable
from typing import TypeGuard

from celery import Task, shared_task

from clients.calling import in_step
from clients.errors import Later, NotSent, Refused, ServiceError
from sagas import engine
from sagas.machine import Direction, Failure, FailureKind, Saga, SagaStep, Verdict
from sagas.machine.failures import classify
from tasks.lost import holder_in

logger = logging.getLogger(__name__)

BIGINT_LIMIT = 1 << 63


class StepTask(Task):
    """One direction of one step."""

    Request = "tasks.step_request:StepRequest"
    step: str
    direction: Direction


def task_name(saga_type: str, step: str, direction: Direction) -> str:
    """The name of the Celery task that runs one direction of one step."""
    name = f"{saga_type}.{step}"
    return name if direction is Direction.ACTION else f"{name}.compensate"


def register_tasks(sagas: Iterable[Saga]) -> None:
    """Makes a task of each direction of each step; versions of one type share theirs."""
    tasks: dict[str, tuple[Direction, SagaStep]] = {}
    for saga in sagas:
        for step in saga.claimed_steps:
            for direction in Direction:
                name = task_name(saga.saga_type, step.name, direction)
                known = tasks.get(name, (direction, step))[1]
                if step.callable_for(direction) is not None:
                    tasks[name] = direction, max(known, step, key=lambda found: found.hard_limit)
    for name, (direction, longest) in tasks.items():
        _register(name, longest, direction)


def _register(name: str, longest: SagaStep, direction: Direction) -> None:
    """`longest` is the step in the version that gives it the most time. A hint carries its own
    version's limits; these hold for a message that carries none."""

    @shared_task(
        base=StepTask,
        bind=True,
        name=name,
        step=longest.name,
        direction=direction,
        soft_time_limit=longest.soft_limit.total_seconds(),
        time_limit=longest.hard_limit.total_seconds(),
    )
    def run(task: StepTask, execution_id: object = None, fence: object = None) -> None:
        if is_bigint(execution_id) and is_bigint(fence):
            holder = holder_in(task.request.id, task.request.hostname)
            perform(execution_id, task.step, task.direction, fence, holder)
        else:
            logger.warning("%s: a message without an execution and a fence; ignored.", name)


def is_bigint(value: object) -> TypeGuard[int]:
    """Whether PostgreSQL can even be asked for it."""
    return type(value) is int and 0 <= value < BIGINT_LIMIT


def perform(
    execution_id: int, step: str, direction: Direction, fence: int, holder: str | None = None
) -> None:
    """Claims one attempt, runs it, and reports what became of it.

    Raises what the action raised, after it was reported: Celery then keeps the traceback. One that
    was held back before it began is no failure.
    """
    work = engine.claim(execution_id, step, direction, fence, holder=holder)
    if work is None:
        return
    try:
        with in_step(work.context["idempotency_key"], work.saga_id) as calls:
            verdict = engine.run_atomic(work) if work.is_atomic else None
            returned = None if work.is_atomic else work.run()
    except Exception as error:
        # An earlier call of this attempt may have done something, whatever the last one came to.
        wrote = calls.wrote and isinstance(error, ServiceError)
        kind = FailureKind.UNKNOWN if wrote else failure_kind(error)
        failure = Failure.of(kind, error)
        if kind is FailureKind.LATER:
            _log(work, f"held back ({error})", engine.fail(work, failure))
            return
        final = not work.retry.repeats(error)
        _log(work, type(error).__name__, engine.fail(work, failure, final=final))
        raise
    _log(work, "succeeded", verdict or engine.succeed(work, returned))


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
