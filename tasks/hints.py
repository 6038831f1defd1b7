"""From a committed transition to Celery messages. One that can't be sent costs a delay, no more."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

from sagas.listeners import Committed
from tasks.steps import task_name

logger = logging.getLogger(__name__)


def send_hints(committed: Committed) -> None:
    """Sends a message for each step that became due; called after the commit (S9).

    One try each: the row stands behind it, and a worker must not wait for a broker.
    """
    for hint in committed.hints:
        step = committed.definition.claimed_step(hint.step)
        assert step is not None, "only steps that workers claim are hinted at"
        task = current_app.tasks[
            task_name(committed.definition.saga_type, hint.step, hint.direction)
        ]
        try:
            task.apply_async(
                (committed.execution_id, hint.fence),
                queue=step.queue,
                soft_time_limit=step.soft_limit.total_seconds(),
                time_limit=step.hard_limit.total_seconds(),
                retry=False,
                # What Flower and the logs show: the saga's key, and nothing of its context.
                argsrepr=f"({committed.saga_id!r},)",
                kwargsrepr="{}",
            )
        except OperationalError as error:
            logger.warning(
                "%s: no hint for %s could be sent (%s); its wake_at will send another.",
                committed.saga_id,
                hint.step,
                error,
            )
