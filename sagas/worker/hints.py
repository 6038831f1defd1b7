"""From committed transitions to Celery messages. One that can't be sent costs a delay, no more.

Of many hints for one task that are sent at once, some share a message: what a message costs is more
than all the rest of a step. Its arguments are those of the first; the others are in a header, which
code that does not know it leaves alone. What waits in a worker joins them there
(`sagas.worker.fast.message_batching`). What is not run in place is sent again
(`sagas.worker.fast.inline`).
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeGuard

from celery import Task, current_app

from sagas.broker.connection import BROKER_ERRORS
from sagas.conf import conf
from sagas.listeners import Committed
from sagas.worker.names import task_name
from sagas.worker.sending import Sender, together

logger = logging.getLogger(__name__)

TOGETHER: Final = 16
"""Hints to a message at most: with more, a worker that is full holds too much."""

SPREAD: Final = 25
"""Messages at least to which a larger batch leads: so many processes find work in it at once."""

HEADER: Final = "saga_hints"
"""The other hints of a message, the queue that their step asks for, and the key of its own saga."""


class HintTarget(NamedTuple):
    """Who is told of: an execution, by the fence that the hint is made for. The saga's key is for
    Flower and the logs. `task_id` is that of the message, if the hint had one of its own."""

    execution_id: int
    fence: int
    saga_id: str
    task_id: str | None = None


class OtherHints(NamedTuple):
    """The other hints of a message, and the queue that their step asks for."""

    queue: str | None
    told: Sequence[HintTarget]


NO_OTHER_HINTS: Final = OtherHints(None, ())

BIGINT_LIMIT: Final = 1 << 63

Destination = tuple[str, str | None, bool]
"""The name of a task, the queue that its step asks for, and whether that runs on."""


def send_hints(committed: Sequence[Committed]) -> None:
    """Sends a message for each step that became due, or for some of them; called after the commit
    (S9).

    One try each: the row stands behind it, and a worker must not wait for a broker.
    """
    hints: dict[Destination, list[HintTarget]] = defaultdict(list)
    for each in committed:
        for hint in each.hints:
            step = each.definition.claimed_step(hint.step)
            assert step is not None, "only steps that workers claim are hinted at"
            name = task_name(each.definition.saga_type, hint.step, hint.direction)
            told = HintTarget(each.execution_id, hint.fence, each.saga_id)
            hints[name, step.queue, step.run_on].append(told)
    if hints:
        _send(hints)


def send_again(name: str, others: OtherHints) -> None:
    """Sends hints that came with a message, and were not followed."""
    told = [each._replace(task_id=None) for each in others.told]
    _send({(name, others.queue, True): told})


def others_in(request: Mapping[str, Any]) -> OtherHints:
    """Those that a message brought besides its own: what cannot be one is none."""
    match request.get(HEADER):
        case {"queue": str() | None as queue, "hints": [*hints]}:
            return OtherHints(queue, [HintTarget(*each) for each in hints if _is_target(each)])
        case _:
            return NO_OTHER_HINTS


def movable_in(request: Mapping[str, Any], args: Any) -> OtherHints:
    """All hints of a message, its own first, if they may go along with those of another one; else
    none. `args` are its arguments."""
    match request.get("id"), request.get(HEADER), args:
        case str() as task_id, {"saga_id": saga_id}, [execution_id, fence] if _is_target(
            (execution_id, fence, saga_id)
        ):
            queue, told = others_in(request)
            return OtherHints(queue, [HintTarget(execution_id, fence, saga_id, task_id), *told])
        case _:
            return NO_OTHER_HINTS


def header(others: OtherHints, first: HintTarget) -> dict[str, Any]:
    """What brings the other hints of a message to who takes it. `first` is its own."""
    hints = [each if each.task_id else each[:3] for each in others.told]
    return {HEADER: {"queue": others.queue, "saga_id": first.saga_id, "hints": hints}}


def is_bigint(value: object) -> TypeGuard[int]:
    """Whether PostgreSQL can even be asked for it."""
    return type(value) is int and 0 <= value < BIGINT_LIMIT


def _is_target(value: Any) -> bool:
    match value:
        case [execution_id, fence, str()] | [execution_id, fence, str(), str() | None]:
            return is_bigint(execution_id) and is_bigint(fence)
        case _:
            return False


def _send(hints: Mapping[Destination, Sequence[HintTarget]]) -> None:
    try:
        with together() as sender:
            for (name, queue, runs_on), told in hints.items():
                task = current_app.tasks[name]
                size = _size(task, len(told)) if runs_on else 1
                for first in range(0, len(told), size):
                    own, *others = told[first : first + size]
                    _add(sender, task, own, OtherHints(queue, others), is_movable=runs_on)
    except BROKER_ERRORS as error:
        told = next(iter(hints.values()))
        logger.warning(
            "%s: no hint for %s, and %s others, could be sent (%r); their wake_at will send "
            "another.",
            told[0].saga_id,
            next(iter(hints))[0],
            sum(map(len, hints.values())) - 1,
            error,
        )


def _size(task: Task, count: int) -> int:
    """How many of `count` hints share a message. A limit of tasks a second is one of messages."""
    if not conf.FAST or conf.INLINE_STEPS <= 1 or task.rate_limit:
        return 1
    return min(max(count // SPREAD, 1), TOGETHER)


def _add(
    sender: Sender, task: Task, first: HintTarget, others: OtherHints, *, is_movable: bool
) -> None:
    sender.add(
        task,
        (first.execution_id, first.fence),
        queue=others.queue,
        headers=header(others, first) if is_movable else None,
        argsrepr=argsrepr(first),
        kwargsrepr="{}",
    )


def argsrepr(told: HintTarget) -> str:
    """What Flower and the logs show: the saga's key, and nothing of its context."""
    return f"({told.saga_id!r},)"
