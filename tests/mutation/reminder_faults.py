"""Faults in the reminders of a wait."""

from typing import Final

from tests.mutation.fault import Fault

_MACHINE = "sagas/machine/reminding.py"
_ENGINE = "sagas/engine/reminding.py"

MACHINE = ("machine/test_reminders",)
ENGINE = ("engine/test_reminders",)
MODEL = ("model/test_model",)

REMINDER_FAULTS: Final = (
    Fault(
        name="A paused saga reminds somebody",
        clause="R13",
        file=_MACHINE,
        before="    if state.paused:\n        return []\n",
        after="",
        tests=MACHINE,
    ),
    Fault(
        name="There is always another reminder",
        clause="L1",
        file=_MACHINE,
        before="    if remind is None or reminded >= remind.most:\n",
        after="    if remind is None:\n",
        tests=MODEL,
    ),
    Fault(
        name="A wait that has ended is still to be reminded of",
        clause="S5",
        file="sagas/machine/evolve.py",
        before='    settled |= {"remind_at": None, **_details(step, event)}\n',
        after="    settled |= _details(step, event)\n",
        tests=MODEL,
    ),
    Fault(
        name="A wait that is tried again counts its reminders anew",
        clause="R2",
        file="sagas/machine/progress.py",
        before="    remind_at = next_reminder(step, state.reminded, draft.now)\n",
        after="    remind_at = next_reminder(step, 0, draft.now)\n",
        tests=MACHINE,
    ),
    Fault(
        name="Nobody looks at a saga when its reminder is due",
        clause="L1",
        file="sagas/machine/wake.py",
        before="        if step.remind_at is not None:\n",
        after="        if step.remind_at is not None and step.due_at is not None:\n",
        tests=MODEL,
    ),
    Fault(
        name="A reminder that is due is looked at and not started",
        clause="L1",
        file="sagas/engine/waking.py",
        before="    is_needed = decision.events or due_reminders(decision.state, locked.now)\n",
        after="    is_needed = decision.events\n",
        tests=ENGINE,
    ),
    Fault(
        name="A reminder that can't be started takes its wait along",
        clause="S3",
        file=_ENGINE,
        before="with transaction.atomic():  # the",
        after="if True:  # the",
        tests=ENGINE,
    ),
    Fault(
        name="A reminder is started for what has been refused already",
        clause="R2",
        file=_ENGINE,
        before="            if isinstance(found, Conflict):\n                raise found\n",
        after="",
        tests=ENGINE,
    ),
    Fault(
        name="What came due in a pause is made up for",
        clause="R13",
        file=_MACHINE,
        before="    return now + as_timedelta(remind.every)\n",
        after="    return now\n",
        tests=MODEL,
    ),
)
