"""From committed transitions to Celery messages. One that can't be sent costs a delay, no more."""

import logging
from collections.abc import Sequence

from celery import current_app

from realtime.bus import BUS_ERRORS
from sagas.listeners import Committed
from sagas.machine import Hint
from tasks.names import task_name
from tasks.sending import Sender, together

logger = logging.getLogger(__name__)


def send_hints(committed: Sequence[Committed]) -> None:
    """Sends a message for each step that became due; called after the commit (S9).

    One try each: the row stands behind it, and a worker must not wait for a broker.
    """
    hints = [(each, hint) for each in committed for hint in each.hints]
    if not hints:
        return
    try:
        with together() as sender:
            for each, hint in hints:
                _add(each, hint, sender)
    except BUS_ERRORS as error:
        logger.warning(
            "%s: no hint for %s, and %s others, could be sent (%r); their wake_at will send "
            "another.",
            hints[0][0].saga_id,
            hints[0][1].step,
            len(hints) - 1,
            error,
        )


def _add(committed: Committed, hint: Hint, sender: Sender) -> None:
    step = committed.definition.claimed_step(hint.step)
    assert step is not None, "only steps that workers claim are hinted at"
    name = task_name(committed.definition.saga_type, hint.step, hint.direction)
    sender.add(
        current_app.tasks[name],
        (committed.execution_id, hint.fence),
        queue=step.queue,
        # What Flower and the logs show: the saga's key, and nothing of its context.
        argsrepr=f"({committed.saga_id!r},)",
        kwargsrepr="{}",
    )
