"""Faults in what workers do with the engine: claims, reports, and running on."""

from typing import Final

from tests.mutation.fault import Fault

_TRANSACT = "sagas/engine/transact.py"
_WORK = "sagas/engine/work.py"
_WORKING = "sagas/engine/working.py"
_BATCH = "sagas/worker/fast/batch.py"

ENGINE = ("engine/test_engine",)
RACES = ("engine/test_races",)
POLICIES = ("engine/test_policies",)
RUN_ON = ("worker/test_run_on",)
OTHERS = ("worker/test_others",)

WORKERS = (
    Fault(
        name="A claim whose COMMIT was in doubt is thrown away",
        clause="R6",
        file=_WORKING,
        before="    if found.decision.verdict is Verdict.REFUSED:",
        after="    if found.decision.verdict is not Verdict.ACCEPTED:",
        tests=RACES,
    ),
    Fault(
        name="An action gets the context itself",
        clause="S10",
        file=_WORK,
        before="return call(self.action, for_action(self.context), wait)\n        key =",
        after="return self.action(self.context)\n        key =",
        tests=ENGINE,
    ),
    Fault(
        name="The idempotency key changes with each attempt",
        clause="Participants",
        file=_WORK,
        before="        key=idempotency_key(state.saga_id, step, direction),\n",
        after='        key=f"{state.saga_id}:{step}:{direction}:{attempt}",\n',
        tests=ENGINE,
    ),
    Fault(
        name="A result that can't be stored counts as without effect",
        clause="R17",
        file=_WORKING,
        before="return fail(work, Failure.of(FailureKind.UNKNOWN, error), ",
        after="return fail(work, Failure.of(FailureKind.REJECTED, error), ",
        tests=ENGINE,
    ),
    Fault(
        name="A step in doubt is tried again without asking its probe",
        clause="R4",
        file=_WORK,
        before="definition.probe if mine.effect is Effect.POSSIBLE else None,",
        after="definition.probe if mine.effect is Effect.APPLIED else None,",
        tests=POLICIES,
    ),
    Fault(
        name="A probe that says nothing happened is not believed",
        clause="S4",
        file=_WORK,
        before="""\
        if known is None:
            logger.info("%s: %s never happened: nothing to undo.", self.saga_id, self.step)
            return None
        returned = call(self.action, for_action({**self.context, **known}), wait)""",
        after="""\
        known = known or {}
        returned = call(self.action, for_action({**self.context, **known}), wait)""",
        tests=POLICIES,
    ),
    Fault(
        name="An atomic step that was shut out commits what it wrote",
        clause="S1, R5",
        file=_WORKING,
        before="            if found is None or found.decision.verdict is not Verdict.ACCEPTED:",
        after="            if found is None:",
        tests=POLICIES,
    ),
    Fault(
        name="An atomic step runs before its transaction begins",
        clause="S9",
        file=_WORKING,
        before="""\
        with sessions.without_own(), transaction.atomic(durable=True):
            fact = _success(work, work.run())
""",
        after="""\
        fact = _success(work, work.run())
        with sessions.without_own(), transaction.atomic(durable=True):
""",
        tests=POLICIES,
    ),
    Fault(
        name="never_on is not asked",
        clause="Failures",
        file="sagas/worker/steps.py",
        before="final = kind is not FailureKind.LATER and not work.retry.repeats(error)",
        after="final = False",
        tests=POLICIES,
    ),
)

RUNNING_ON = (
    Fault(
        name="A report that also claims does not say so",
        clause="L2",
        file=_WORKING,
        before="    return ReportResult(found.decision.verdict, work)",
        after="    return ReportResult(found.decision.verdict)",
        tests=RUN_ON,
    ),
    Fault(
        name="A message is sent for the step that runs on, too",
        clause="R1",
        file=_TRANSACT,
        before="            both = decision.then(claimed)\n",
        after="            both = replace(decision.then(claimed), hints=decision.hints)\n",
        tests=RUN_ON,
    ),
    Fault(
        name="No message is sent for those beside the step that runs on",
        clause="L2",
        file=_TRANSACT,
        before="            both = decision.then(claimed)\n",
        after="            both = replace(decision.then(claimed), hints=())\n",
        tests=RUN_ON,
    ),
    Fault(
        name="A claim whose COMMIT was in doubt is forgotten by whoever runs on",
        clause="R6",
        file=_WORKING,
        before="claimed = None if inline is None else held_by(found.row, inline.holder)",
        after="""\
claimed = None
    if inline is not None and found.decision.verdict is Verdict.ACCEPTED:
        claimed = held_by(found.row, inline.holder)""",
        tests=RACES,
    ),
    Fault(
        name="A worker that is being stopped goes on claiming",
        clause="R16",
        file=_BATCH,
        before="is_over or _shared[0]",
        after="is_over",
        tests=RUN_ON,
    ),
    Fault(
        name="A hard limit outlives its step",
        clause="R4",
        file="sagas/worker/limits.py",
        before="        signal.setitimer(signal.ITIMER_REAL, 0)\n",
        after="",
        tests=("worker/test_limits",),
    ),
    Fault(
        name="A step runs on past the limit of its rate",
        clause="Celery",
        file=_BATCH,
        before=" or task.rate_limit",
        after="",
        tests=RUN_ON,
    ),
    Fault(
        name="One saga keeps a worker for as long as it has steps",
        clause="L2",
        file=_BATCH,
        before="self._steps + ahead >= self._budget or ",
        after="",
        tests=RUN_ON,
    ),
    Fault(
        name="A message keeps a worker for all its sagas",
        clause="L2",
        file=_BATCH,
        before="if not self.others.told or not self._may_claim():",
        after="if not self.others.told:",
        tests=OTHERS,
    ),
    Fault(
        name="The sagas for which a message has no time are forgotten",
        clause="L2",
        file="sagas/worker/fast/inline.py",
        before="    if mine.others.told:\n        send_again",
        after="    if not mine:\n        send_again",
        tests=OTHERS,
    ),
    Fault(
        name="A hint that shares a message may say anything",
        clause="R20",
        file="sagas/worker/hints.py",
        before="            return is_bigint(execution_id) and is_bigint(fence)\n",
        after="            return True\n",
        tests=OTHERS,
    ),
    Fault(
        name="A process that died is looked for in the first saga of its message alone",
        clause="R4",
        file="sagas/worker/lost.py",
        before="*(told.execution_id for told in claim.others.told)",
        after="*()",
        tests=("worker/test_lost",),
    ),
)

WORKER_FAULTS: Final = (*WORKERS, *RUNNING_ON)
