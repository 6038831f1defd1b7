"""The reminders of a wait: when each is due, and what is kept of it.

A reminder is an execution that nothing waits for. The engine starts it in the transaction that
saves `Reminded`: so it is started once, whoever dies, and never after its wait has ended.
"""

from datetime import datetime

from sagas.machine.decision import Draft, Verdict
from sagas.machine.events import StepReminded
from sagas.machine.facts import Reminded
from sagas.machine.parameters import as_timedelta
from sagas.machine.state import ExecutionState
from sagas.machine.states import Direction
from sagas.machine.waiting_steps import remind_of


def next_reminder(step: object, reminded: int, now: datetime) -> datetime | None:
    """When the one after `reminded` others is due; None if there is no other.

    It is counted from now, not from when the last one was due: what came due while nobody looked,
    or the saga was paused, is one reminder, and not many at once.
    """
    remind = remind_of(step)
    if remind is None or reminded >= remind.most:
        return None
    return now + as_timedelta(remind.every)


def due_reminders(state: ExecutionState, now: datetime) -> list[str]:
    """The waits that a reminder is due at: none while the saga is paused. On the way back there is
    none either, because nothing waits any more."""
    if state.paused:
        return []
    return [n for n, step in state.steps.items() if step.remind_at and step.remind_at <= now]


def reminded(draft: Draft, fact: Reminded) -> Verdict:
    """Records a reminder, and when the next one is due."""
    if fact.step not in due_reminders(draft.state, draft.now):
        return draft.refuse(f"No reminder is due at step {fact.step!r}.")
    number = draft.state.step(fact.step).reminded + 1
    remind_at = next_reminder(draft.definition.by_name[fact.step], number, draft.now)
    draft.emit(StepReminded(fact.step, Direction.ACTION, number, remind_at, fact.failure))
    return Verdict.ACCEPTED
