"""Faults around the first of several waits, times of the context, and what may fail."""

from typing import Final

from tests.mutation.fault import Fault

_ATTEMPTS = "sagas/machine/attempts.py"
_FAMILIES = "sagas/machine/families.py"
_OPERATE = "sagas/machine/operate.py"
_PROGRESS = "sagas/machine/progress.py"
_TRAVERSAL = "sagas/machine/traversal.py"

FIRST_OF = ("machine/test_first_of",)
TIMES = ("machine/test_times",)
CATCHING = ("machine/test_catching",)

CATCHING_FAULTS: Final = (
    Fault(
        name="Who waits for the first waits for all",
        clause="S3",
        file=_TRAVERSAL,
        before="if all(ahead) else [node]",
        after="if any(ahead) else [node]",
        tests=FIRST_OF,
    ),
    Fault(
        name="The waits that came second go on",
        clause="S3, L1",
        file=_PROGRESS,
        before="StepStatus.WAITING:\n            draft.emit(ev.StepWithdrawn(",
        after="None:\n            draft.emit(ev.StepWithdrawn(",
        tests=FIRST_OF,
    ),
    Fault(
        name="The context does not say which wait was the first",
        clause="S8",
        file=_PROGRESS,
        before="changes: dict[str, Any] = {choice.name: first}",
        after="changes: dict[str, Any] = {}",
        tests=FIRST_OF,
    ),
    Fault(
        name="A moment that has passed is waited for",
        clause="L2",
        file=_PROGRESS,
        before="elif isinstance(step, Sleep) and until is not None and until <= draft.now:",
        after="elif False:",
        tests=TIMES,
    ),
    Fault(
        name="A time that is none is no limit",
        clause="R17",
        file=_PROGRESS,
        before="    elif why:\n",
        after="    elif False:\n",
        tests=TIMES,
    ),
    Fault(
        name="A moment without an offset is taken for one",
        clause="S13",
        file="sagas/machine/moments.py",
        before="if moment is None or moment.tzinfo is None:",
        after="if moment is None:",
        tests=TIMES,
    ),
    Fault(
        name="To try again ends the wait for a signal",
        clause="R13",
        file=_OPERATE,
        before="WaitFor | Sleep if isinstance(fact, Reschedule) else Sleep",
        after="WaitFor | Sleep",
        tests=TIMES,
    ),
    Fault(
        name="A wait that was moved to the past goes on",
        clause="L2",
        file="sagas/machine/__init__.py",
        before="                progress.end_times(draft)  # the moment may have come already\n",
        after="                pass\n",
        tests=TIMES,
    ),
    Fault(
        name="A refusal after an unknown attempt is an answer",
        clause="S3, S4",
        file=_ATTEMPTS,
        before="is FailureKind.REJECTED and step.effect is Effect.NONE",
        after="is FailureKind.REJECTED",
        tests=CATCHING,
    ),
    Fault(
        name="The saga goes on before the child that failed is undone",
        clause="S4",
        file=_FAMILIES,
        before="if not step.children.count(Outcome.GAVE_UP):",
        after="if step.children.have_settled:",
        tests=CATCHING,
    ),
    Fault(
        name="The saga goes on past a child that can't be undone",
        clause="S4",
        file=_FAMILIES,
        before="if step.children.count(Outcome.STUCK):",
        after="if False:",
        tests=CATCHING,
    ),
    Fault(
        name="A child that failed is undone twice",
        clause="S4",
        file="sagas/machine/evolve.py",
        before="effect = Effect.NONE  # of children",
        after="effect = Effect.APPLIED  # of children",
        tests=CATCHING,
    ),
    Fault(
        name="A failed child is undone while its parent is paused",
        clause="S5",
        file=_FAMILIES,
        before="""\
    if not draft.state.paused:
        draft.child_commands.append(ChildCommand(name, ParentCommand.UNDO))
""",
        after="""\
    draft.child_commands.append(ChildCommand(name, ParentCommand.UNDO))
""",
        tests=CATCHING,
    ),
    Fault(
        name="A failed child that is stuck is not tried again when all turns back",
        clause="S6",
        file="sagas/machine/undoing.py",
        before="again = step.status is StepStatus.COMPENSATION_FAILED or stuck > 0",
        after="again = step.status is StepStatus.COMPENSATION_FAILED",
        tests=CATCHING,
    ),
    Fault(
        name="A preview does not know that a child that may fail is undone first",
        clause="S4",
        file="sagas/whatif/preview.py",
        before="return _caught(definition, decide(definition, state, fact, now).state, name, now)",
        after="return decide(definition, state, fact, now).state",
        tests=CATCHING,
    ),
)
