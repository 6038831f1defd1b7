"""Faults in what becomes of an attempt: claims, reports, effects, retries, the context."""

from typing import Final

from tests.mutation.fault import Fault

_ATTEMPTS = "sagas/machine/attempts.py"
_DECISION = "sagas/machine/decision.py"
_EVOLVE = "sagas/machine/evolve.py"

DECIDE = ("machine/test_decide",)
TURNING_BACK = ("machine/test_turning_back",)
POLICIES = ("machine/test_policies",)
MODEL = ("model/test_model",)
GAPS = ("machine/test_gaps",)
HELD_BACK = ("machine/test_held_back",)

CLAIMS = (
    Fault(
        name="A claim does not bump the fence",
        clause="S1",
        file=_ATTEMPTS,
        before="fence=step.fence + 1,\n            holder=fact.holder,",
        after="fence=step.fence,\n            holder=fact.holder,",
        tests=DECIDE,
    ),
    Fault(
        name="The fence of a hint is not compared",
        clause="R1, R20",
        file=_ATTEMPTS,
        before="        and step.fence == fact.fence\n        and step.due_at",
        after="        and step.due_at",
        tests=DECIDE,
    ),
    Fault(
        name="A step is claimed before it is due",
        clause="S13",
        file=_ATTEMPTS,
        before="        and step.due_at <= draft.now\n    )\n    if not is_due",
        after="    )\n    if not is_due",
        tests=MODEL,
    ),
    Fault(
        name="A hint that comes after a pause is claimed",
        clause="Statuses",
        file=_ATTEMPTS,
        before="or definition is None or draft.state.paused:",
        after="or definition is None:",
        tests=MODEL,
    ),
    Fault(
        name="A claim whose COMMIT was in doubt is taken for somebody else's",
        clause="R6",
        file=_ATTEMPTS,
        before="        and step.fence == fact.fence + 1\n",
        after="        and step.fence == fact.fence\n",
        tests=DECIDE,
    ),
    Fault(
        name="A lease ends whatever the time is",
        clause="S13, R4",
        file=_ATTEMPTS,
        before="if lease_until is not None and lease_until <= draft.now:",
        after="if lease_until is not None:",
        tests=DECIDE,
    ),
    Fault(
        name="A dead worker shuts out the claim of another",
        clause="S1",
        file=_ATTEMPTS,
        before="if not is_held or step.holder != fact.holder:",
        after="if not is_held:",
        tests=("machine/test_lost",),
    ),
)

REPORTS = (
    Fault(
        name="The fence of a report is not compared",
        clause="S1, R5",
        file=_ATTEMPTS,
        before="if step.status is not IN_FLIGHT[fact.direction] or step.fence != fact.fence:",
        after="if step.status is not IN_FLIGHT[fact.direction]:",
        tests=DECIDE,
    ),
    Fault(
        name="A late report counts until somebody claims the step again",
        clause="S1, R12",
        file=_ATTEMPTS,
        before="if step.status is not IN_FLIGHT[fact.direction] or step.fence != fact.fence:",
        after="if step.fence != fact.fence:",
        tests=DECIDE,
    ),
    Fault(
        name="A repeated report is recorded as late",
        clause="R6, S2",
        file=_ATTEMPTS,
        before="    if fact.fence == step.reported:\n        return Verdict.REPEATED\n",
        after="",
        tests=DECIDE,
    ),
    Fault(
        name="A refusal is trusted after an unknown attempt",
        clause="S4",
        file=_ATTEMPTS,
        before="return step.effect.or_stronger(EFFECT_OF[failure.kind])",
        after="return EFFECT_OF[failure.kind]",
        tests=TURNING_BACK,
    ),
    Fault(
        name="A lost worker's attempt counts as without effect",
        clause="S4, R4",
        file="sagas/machine/failures.py",
        before="FailureKind.UNKNOWN: Effect.POSSIBLE,",
        after="FailureKind.UNKNOWN: Effect.NONE,",
        tests=DECIDE,
    ),
    Fault(
        name="A failed atomic step is taken to have left something",
        clause="S4",
        file=_ATTEMPTS,
        before="has_effect = not (definition.atomic or isinstance(definition, Poll))",
        after="has_effect = not isinstance(definition, Poll)",
        tests=POLICIES,
    ),
    Fault(
        name="A step whose tried attempt is withdrawn counts as never reached",
        clause="S4",
        file=_EVOLVE,
        before='return {"status": WITHDRAWN_AFTER_TRY} if was_tried else {}',
        after="return {}",
        tests=TURNING_BACK,
    ),
    Fault(
        name="A branch is compared with its own keys, not with its sibling's",
        clause="S10",
        file=_DECISION,
        before="if both := sorted(set(draft.state.step(other).wrote) & set(changes)):",
        after="if both := sorted(set(draft.state.step(name).wrote) & set(changes)):",
        tests=TURNING_BACK,
    ),
    Fault(
        name="Compensations that write one key are a conflict",
        clause="S10, S6",
        file=_DECISION,
        before="if direction is Direction.COMPENSATION or not beside:",
        after="if not beside:",
        tests=TURNING_BACK,
    ),
    Fault(
        name="Values that Python calls equal are no change of the context",
        clause="S10",
        file="sagas/machine/context.py",
        before="_canonical(before[key]) != _canonical(value)",
        after="before[key] != value",
        tests=("machine/test_values",),
    ),
)

RETRIES = (
    Fault(
        name="An attempt that was held back counts like any other",
        clause="R18",
        file=_ATTEMPTS,
        before="        counted -= 1\n",
        after="",
        tests=HELD_BACK,
    ),
    Fault(
        name="Attempts that were held back are forgotten, and count later",
        clause="R18",
        file=_EVOLVE,
        before='"uncounted_attempts": step.uncounted_attempts + is_uncounted,',
        after='"uncounted_attempts": step.uncounted_attempts,',
        tests=HELD_BACK,
    ),
    Fault(
        name="An attempt that was held back is believed to have had an effect",
        clause="S4",
        file="sagas/machine/failures.py",
        before="FailureKind.LATER: Effect.NONE,",
        after="FailureKind.LATER: Effect.POSSIBLE,",
        tests=HELD_BACK,
    ),
    Fault(
        name="A definite refusal is tried again",
        clause="Failures",
        file="sagas/machine/failures.py",
        before="frozenset({FailureKind.UNREACHABLE, FailureKind.UNKNOWN, FailureKind.LATER})",
        after="frozenset(FailureKind)",
        tests=TURNING_BACK,
    ),
    Fault(
        name="An error that the policy does not repeat is repeated",
        clause="Failures",
        file=_ATTEMPTS,
        before="        and not final\n",
        after="",
        tests=POLICIES,
    ),
    Fault(
        name="An action is retried although the saga has turned back",
        clause="R9, R11",
        file=_ATTEMPTS,
        before="and (direction is Direction.COMPENSATION or is_forward)",
        after="and (direction is Direction.COMPENSATION or not draft.state.is_at_rest)",
        tests=TURNING_BACK,
    ),
    Fault(
        name="A compensation's attempts are counted with the action's",
        clause="R18",
        file=_ATTEMPTS,
        before="    counted = step.attempts_of(direction) - step",
        after="    counted = step.attempts + step.compensation_attempts - step",
        tests=GAPS,
    ),
    Fault(
        name="max_elapsed begins anew with each attempt",
        clause="S13",
        file=_ATTEMPTS,
        before="policy.allows(counted, due_at - (step.since or draft.now))",
        after="policy.allows(counted, due_at - draft.now)",
        tests=POLICIES,
    ),
    Fault(
        name="Attempts that a person forgave still count",
        clause="S3",
        file=_ATTEMPTS,
        before="counted = step.attempts_of(direction) - step.uncounted_attempts",
        after="counted = step.attempts_of(direction)",
        tests=("machine/test_operating",),
    ),
    Fault(
        name="A compensation inherits the forgiveness of its action",
        clause="R18",
        file=_EVOLVE,
        before="return step.uncounted_attempts if event.direction is Direction.ACTION else 0",
        after="return step.uncounted_attempts",
        tests=GAPS,
    ),
)

ATTEMPT_FAULTS: Final = (*CLAIMS, *REPORTS, *RETRIES)
