"""Faults in the course of a saga: forward, back, waits, people, and when to look again."""

from typing import Final

from tests.mutation.fault import Fault

_PROGRESS = "sagas/machine/progress.py"
_DECISION = "sagas/machine/decision.py"
_FAMILIES = "sagas/machine/families.py"
_TREE = "sagas/machine/traversal.py"
_OPERATE = "sagas/machine/operate.py"
_WAKE = "sagas/machine/wake.py"

DECIDE = ("machine/test_decide",)
TURNING_BACK = ("machine/test_turning_back",)
OPERATING = ("machine/test_operating",)
WAITS = ("machine/test_waits",)
MODEL = ("model/test_model",)
GAPS = ("machine/test_gaps",)

WAY_BACK = (
    Fault(
        name="Compensations run in the written order",
        clause="S6",
        file=_TREE,
        before="for child in reversed(nodes):",
        after="for child in nodes:",
        tests=TURNING_BACK,
    ),
    Fault(
        name="Only what is known to have happened is undone",
        clause="S4",
        file=_PROGRESS,
        before="return step.effect is Effect.NONE or not is_compensable(definition)",
        after="return step.effect is not Effect.APPLIED or not is_compensable(definition)",
        tests=TURNING_BACK,
    ),
    Fault(
        name="Whatever was tried is undone, refused or not",
        clause="S4",
        file=_PROGRESS,
        before="return step.effect is Effect.NONE or not is_compensable(definition)",
        after="return not is_compensable(definition)",
        tests=TURNING_BACK,
    ),
    Fault(
        name="A compensation that gives up is not passed over",
        clause="S6",
        file=_PROGRESS,
        before="if step.status in (StepStatus.COMPENSATION_SCHEDULED, StepStatus.COMPENSATING):",
        after="if step.status not in TRIED_FORWARD and step.status is not StepStatus.COMPENSATED:",
        tests=TURNING_BACK,
    ),
    Fault(
        name="A saga with a stuck compensation ends as compensated",
        clause="S6",
        file=_PROGRESS,
        before="draft.emit(ev.SagaFailed(tuple(left)) if left else ev.SagaCompensated())",
        after="draft.emit(ev.SagaCompensated())",
        tests=TURNING_BACK,
    ),
    Fault(
        name="The way back does not wait for what runs",
        clause="S5, R8, R9",
        file=_PROGRESS,
        before="if not draft.state.has_settled or draft.state.options.held:",
        after="if draft.state.options.held:",
        tests=TURNING_BACK,
    ),
    Fault(
        name="The turn back withdraws nothing that is scheduled",
        clause="R9",
        file=_FAMILIES,
        before="[*draft.state.scheduled(Direction.ACTION), *reopened]",
        after="reopened",
        tests=TURNING_BACK,
    ),
    Fault(
        name="What a person reopened is forgotten when the saga turns back",
        clause="S4",
        file=_FAMILIES,
        before="[*draft.state.scheduled(Direction.ACTION), *reopened]",
        after="list(draft.state.scheduled(Direction.ACTION))",
        tests=GAPS,
    ),
    Fault(
        name="The turn back leaves waits waiting",
        clause="R9",
        file=_FAMILIES,
        before="        if draft.state.step(name).children is None:\n            draft.emit(",
        after="        if draft.state.step(name).children is not None:\n            draft.emit(",
        tests=WAITS,
    ),
    Fault(
        name="A step that fails after the pivot turns the saga back",
        clause="S7",
        file="sagas/machine/families.py",
        before="if not (failed or is_late) or why_no_way_back(draft):",
        after="if not (failed or is_late) or (is_late and why_no_way_back(draft)):",
        tests=TURNING_BACK,
    ),
    Fault(
        name="A pivot in doubt that can't be undone lets the saga turn back",
        clause="S7",
        file=_DECISION,
        before="if step.effect is not Effect.NONE and pivot.compensation is None:",
        after="if step.effect is Effect.APPLIED and pivot.compensation is None:",
        tests=TURNING_BACK,
    ),
    Fault(
        name="A saga fails while the sibling of a failed step still runs",
        clause="S7",
        file=_PROGRESS,
        before="if failed and not draft.state.current_steps:",
        after="if failed:",
        tests=TURNING_BACK,
    ),
)

PEOPLE = (
    Fault(
        name="A pivot can be skipped while what comes before it is under way",
        clause="S7",
        file=_OPERATE,
        before="if is_pivot and step == StepState():",
        after="if is_pivot and False:",
        tests=GAPS,
    ),
    Fault(
        name="A cancel does not ask for the pivot",
        clause="S7",
        file=_OPERATE,
        before="""\
    if why := why_no_way_back(draft):
        return draft.refuse(why)
    draft.emit(ev.SagaCancelled(""",
        after="    draft.emit(ev.SagaCancelled(",
        tests=OPERATING,
    ),
    Fault(
        name="A cancel does not wait for a pivot that runs",
        clause="S7, R8",
        file=_DECISION,
        before='if step.status is StepStatus.RUNNING:\n            return f"Its pivot',
        after='if step.status is StepStatus.WAITING:\n            return f"Its pivot',
        tests=OPERATING,
    ),
    Fault(
        name="An operator's action revives what has ended",
        clause="S3, R7",
        file=_OPERATE,
        before="""\
    if draft.state.status in TERMINAL:
        return draft.refuse(f"The saga""",
        after="""\
    if draft.state.status is ExecutionStatus.COMPENSATED:
        return draft.refuse(f"The saga""",
        tests=OPERATING,
    ),
    Fault(
        name="A step that runs can be skipped",
        clause="S2",
        file=_OPERATE,
        before="if step.status is StepStatus.RUNNING or has_children_at_work:",
        after="if step.children is not None:",
        tests=OPERATING,
    ),
    Fault(
        name="The retry of a stuck way back goes forward again",
        clause="S3",
        file=_OPERATE,
        before="names = stuck or draft.state.having(StepStatus.FAILED)",
        after="names = draft.state.having(StepStatus.FAILED) or stuck",
        tests=OPERATING,
    ),
    Fault(
        name="The context is amended under running steps",
        clause="S10",
        file=_OPERATE,
        before="if draft.state.status is not ExecutionStatus.FAILED and not draft.state.paused:",
        after="if draft.state.status in TERMINAL:",
        tests=OPERATING,
    ),
    Fault(
        name="A paused saga turns back before a person has looked",
        clause="Statuses",
        file=_PROGRESS,
        before="    if draft.state.paused:\n        return\n",
        after="",
        tests=GAPS,
    ),
)

TIMES = (
    Fault(
        name="A late report does not see that the deadline has come",
        clause="L1",
        file="sagas/machine/__init__.py",
        before="verdict in (Verdict.ACCEPTED, Verdict.LATE)",
        after="verdict is Verdict.ACCEPTED",
        tests=GAPS,
    ),
    Fault(
        name="A signal that came before its wait can be replaced",
        clause="R13",
        file=_PROGRESS,
        before="(name in options.signals or name in draft.state.step(name).wrote)",
        after="(name in draft.state.step(name).wrote)",
        tests=WAITS,
    ),
    Fault(
        name="A signal after its wait's end is kept",
        clause="R13",
        file=_PROGRESS,
        before="not in (StepStatus.PENDING, StepStatus.WAITING):",
        after="not in (StepStatus.PENDING, StepStatus.WAITING, StepStatus.SUCCEEDED):",
        tests=WAITS,
    ),
    Fault(
        name="A signal that came early is forgotten",
        clause="R13",
        file=_PROGRESS,
        before="if isinstance(step, WaitFor) and step.name in signals and not step.collect:",
        after="if isinstance(step, Sleep) and step.name in signals:",
        tests=WAITS,
    ),
    Fault(
        name="A wait ends at the first look, whatever the time is",
        clause="S13",
        file=_PROGRESS,
        before="if until is None or until > draft.now:",
        after="if until is None:",
        tests=WAITS,
    ),
    Fault(
        name="A deadline turns the saga back after its pivot",
        clause="S7",
        file="sagas/machine/families.py",
        before="if not (failed or is_late) or why_no_way_back(draft):",
        after="if not (failed or is_late) or (failed and why_no_way_back(draft)):",
        tests=WAITS,
    ),
    Fault(
        name="Nobody is woken for a lease",
        clause="L1, L2",
        file=_WAKE,
        before="            moments.append(step.lease_until)\n",
        after="            pass\n",
        tests=MODEL,
    ),
    Fault(
        name="Hints are repeated at one short interval",
        clause="R21",
        file=_WAKE,
        before="FIRST_REPEAT * 2 ** min(hints_sent, _MOST_DOUBLINGS)",
        after="FIRST_REPEAT * min(hints_sent + 1, 2)",
        tests=DECIDE,
    ),
    Fault(
        name="With branches behind two full queues, nobody looks whether one is free",
        clause="L2",
        file=_WAKE,
        before="return Repetition(told, wake_at(state, now, _MOST_DOUBLINGS))",
        after="return Repetition(told, wake_at(state, now, hints_sent, blocked_by_queue))",
        tests=("machine/test_full_queues",),
    ),
    Fault(
        name="A wake-up repeats no hint",
        clause="R2",
        file="sagas/machine/__init__.py",
        before="_REPEATING: Final = Woken | Resume | ParentCommanded",
        after="_REPEATING: Final = Resume | ParentCommanded",
        tests=DECIDE,
    ),
    Fault(
        name="A hint is sent of a step that is claimed by the same transaction",
        clause="R21",
        file="sagas/machine/decision.py",
        before="[hint for hint in self.hints if still_holds(hint, later.state)]",
        after="self.hints",
        tests=DECIDE,
    ),
)

PROGRESS_FAULTS: Final = (*WAY_BACK, *PEOPLE, *TIMES)
