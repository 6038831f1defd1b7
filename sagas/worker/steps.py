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
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from sagas import engine
from sagas.conf import conf
from sagas.machine import Direction, Failure, FailureKind, Saga, Verdict
from sagas.machine.failures import classify, is_a, wait_of
from sagas.services.calling import in_step
from sagas.services.errors import ServiceError
from sagas.worker.attempts import at_work
from sagas.worker.executor import StepExecutor, current_executor, executing
from sagas.worker.fast import inline
from sagas.worker.fast.latency import watch
from sagas.worker.hints import is_bigint, others_in, send_again
from sagas.worker.limits import limited
from sagas.worker.lost import holder_in
from sagas.worker.names import task_name
from sagas.worker.raised import bearable, free_memory, is_bearable_kind, is_end_of_process, stand_in

logger = logging.getLogger(__name__)


class StepTask(inline.InlineTask):
    """One direction of one step."""

    Request = "sagas.worker.step_request:StepRequest"
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
    """Without limits of Celery's: each step keeps its own (`sagas.worker.limits`)."""
    watch(name)

    @shared_task(
        base=StepTask,
        bind=True,
        name=name,
        step=step,
        direction=direction,
    )
    def run(task: StepTask, execution_id: object = None, fence: object = None) -> None:
        if not (is_bigint(execution_id) and is_bigint(fence)):
            logger.warning("%s: a message without an execution and a fence; ignored.", name)
            return
        try:
            if conf.FAST or task.request.is_eager:
                perform(execution_id, task.step, task.direction, fence, current_executor())
            else:
                _perform_alone(task, execution_id, fence)
        except BaseException as error:
            if is_bearable_kind(error) or is_end_of_process(error):
                raise
            raise stand_in(error) from None  # raised by the engine; the lease ends the claim


def _perform_alone(task: StepTask, execution_id: int, fence: int) -> None:
    """What a message asks for, and nothing else. Its other hints, from a worker that is fast, get
    messages of their own."""
    request = task.request
    with executing(StepExecutor(holder_in(request.id, request.hostname))) as executor:
        perform(execution_id, task.step, task.direction, fence, executor)
    if (others := others_in(request)).told:
        send_again(task.name, others)


def perform(
    execution_id: int,
    step: str,
    direction: Direction,
    fence: int,
    executor: StepExecutor | None = None,
) -> None:
    """Claims one attempt, unless that was done with the report before it, runs it, and reports what
    became of it; `executor` may claim the next step with that.

    Raises what the action raised (`sagas.worker.raised`), after it was reported: Celery then keeps
    the traceback. One that was held back before it began is no failure.
    """
    executor = executor or StepExecutor(uuid.uuid4().hex)
    work = executor.claim(execution_id, step, direction, fence)
    if work is None:
        return
    may_claim = executor.may_after(work)
    began = time.monotonic()
    ended = _run(work, may_claim)
    executor.took(work, time.monotonic() - began)
    reported = raised = None
    match ended:
        case ActionError():
            raised, reported = ended, _fail(work, ended, may_claim)
        case engine.ReportResult():
            reported = ended
            _log(work, "succeeded", reported.verdict)
        case Returned(value):
            _log(work, "succeeded", executor.succeed(work, value))
    if reported:
        executor.go_on(reported)
    if raised and not raised.accepted and raised.failure.kind is not FailureKind.LATER:
        raise raised.error


@dataclass(frozen=True)
class Returned:
    """What an action returned, which is not reported yet."""

    value: object


@dataclass(frozen=True)
class ActionError:
    """What an action raised: as it is reported, and as Celery gets it."""

    failure: Failure
    final: bool
    wait: float | None
    accepted: bool
    error: BaseException


def _run(
    work: engine.Work, may_claim: engine.MayClaimInline | None
) -> Returned | engine.ReportResult | ActionError:
    """Runs the action within its limits: what it returned or raised, and of an atomic step, which
    is reported in its own transaction, what became of the report."""
    soft, hard = work.claimed.soft_limit, work.claimed.hard_limit
    ended: Returned | engine.ReportResult | ActionError
    with (
        at_work(work, hard),
        in_step(work.context["idempotency_key"], work.saga_id) as calls,
    ):
        try:
            with limited(soft, hard) as limit:
                try:
                    ended = (
                        engine.run_atomic(work, may_claim)
                        if work.is_atomic
                        else Returned(work.run(limit))
                    )
                except BaseException as error:
                    ended = _raised(work, error, has_written=calls.wrote)
        except SoftTimeLimitExceeded as error:  # it struck when the action had just ended
            ended = _raised(work, error, has_written=calls.wrote)
    return ended


def _raised(work: engine.Work, error: BaseException, *, has_written: bool) -> ActionError:
    """`has_written`: an earlier call of this attempt may have done something, whatever the last one
    came to."""
    if is_end_of_process(error):
        raise error
    free_memory(error)
    kind = classify(error)
    if has_written and (is_a(error, ServiceError) or kind is FailureKind.LATER):
        kind = FailureKind.UNKNOWN  # they speak of the last call, or of none
    final = kind is not FailureKind.LATER and not work.retry.repeats(error)
    accepted = kind is FailureKind.REJECTED and is_a(error, work.claimed.accept)
    failure = Failure.of(kind, error)
    return ActionError(failure, final, wait_of(error), accepted, bearable(error))


def _fail(
    work: engine.Work, raised: ActionError, may: engine.MayClaimInline | None
) -> engine.ReportResult:
    failure = raised.failure
    reported = engine.fail(
        work,
        failure,
        final=raised.final,
        wait=raised.wait,
        accepted=raised.accepted,
        may_claim=may,
    )
    is_later = failure.kind is FailureKind.LATER
    _log(work, f"held back ({failure.message})" if is_later else failure.error, reported.verdict)
    return reported


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
        ", but after its lease: recorded as late. If this is frequent, raise the step's timeout."
        if late
        else "",
    )
