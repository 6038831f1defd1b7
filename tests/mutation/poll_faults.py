"""Faults around polls."""

from typing import Final

from tests.mutation.fault import Fault

_ATTEMPTS = "sagas/machine/attempts.py"
_DECISION = "sagas/machine/decision.py"
_EVOLVE = "sagas/machine/evolve.py"
_STEPS = "sagas/machine/steps.py"
_TRANSITIONS = "sagas/store/transitions.py"

POLLS = ("machine/test_polls", "machine/test_polls_and_people")
ROWS = ("engine/test_polls",)

POLL_FAULTS: Final = (
    Fault(
        name="Each ask is an event",
        clause="S8",
        file=_ATTEMPTS,
        before="""\
    if isinstance(definition, Poll):
        _ask(draft, definition, fact)
        return Verdict.ACCEPTED
""",
        after="",
        tests=POLLS,
    ),
    Fault(
        name="What polls were asked is never recorded",
        clause="S8",
        file=_DECISION,
        before="if self.state.options.asked and isinstance(event, StepEvent):",
        after="if False:",
        tests=POLLS,
    ),
    Fault(
        name="An ask counts for an attempt",
        clause="S8, R18",
        file=_ATTEMPTS,
        before='"attempts": step.attempts - 1,',
        after='"attempts": step.attempts,',
        tests=POLLS,
    ),
    Fault(
        name="Not yet, said twice, is late",
        clause="R6",
        file=_ATTEMPTS,
        before='            "reported": step.fence,\n',
        after="",
        tests=POLLS,
    ),
    Fault(
        name="An ask takes the fence of the one before",
        clause="S1",
        file=_ATTEMPTS,
        before='"fence": step.fence + 1,\n            "asks"',
        after='"fence": max(step.fence, 1),\n            "asks"',
        tests=POLLS,
    ),
    Fault(
        name="The last ask is made before the time is over",
        clause="L2",
        file=_ATTEMPTS,
        before="due_at if ends_at is None else min(due_at, ends_at)",
        after="due_at",
        tests=POLLS,
    ),
    Fault(
        name="A poll asks for ever",
        clause="L2",
        file=_ATTEMPTS,
        before="if ends_at is not None and ends_at <= draft.now:",
        after="if False:",
        tests=POLLS,
    ),
    Fault(
        name="A poll that failed has to be undone",
        clause="S4",
        file=_ATTEMPTS,
        before="has_effect = not (definition.atomic or isinstance(definition, Poll))",
        after="has_effect = not definition.atomic",
        tests=POLLS,
    ),
    Fault(
        name="The interval does not grow",
        clause="R21",
        file=_STEPS,
        before=".delay(asks, key)",
        after=".delay(1, key)",
        tests=POLLS,
    ),
    Fault(
        name="Two workers ask at once",
        clause="S1, R1",
        file=_TRANSITIONS,
        before="= coalesce(given.seen_asked, 0)",
        after="IS NOT NULL",
        tests=ROWS,
    ),
    Fault(
        name="A poll is looked at after each lease",
        clause="L1",
        file="sagas/engine/saving.py",
        before=" and bool(decision.events)",
        after="",
        tests=ROWS,
    ),
    Fault(
        name="None is an answer of a poll",
        clause="S3",
        file="sagas/engine/work.py",
        before="if returned is None and isinstance(self.definition.by_name[self.step], Poll):",
        after="if False:",
        tests=ROWS,
    ),
)
