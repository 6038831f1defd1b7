"""Faults in what a death means for neighbours, in budgets, and in limits of time."""

from typing import Final

from tests.mutation.fault import Fault

_ATTEMPTS = "sagas/machine/attempts.py"
_BATCH = "sagas/worker/fast/batch.py"
_AT_WORK = "sagas/worker/attempts.py"

LOST = ("machine/test_lost",)
AT_WORK = ("worker/test_at_work",)

NEIGHBOURS = (
    Fault(
        name="A claim whose action was not begun counts as an attempt",
        clause="S14",
        file=_ATTEMPTS,
        before="    if progress is Progress.NOT_BEGUN:\n",
        after="    if progress is None:\n",
        tests=LOST,
    ),
    Fault(
        name="What ran beside a death counts like what died of itself",
        clause="S14",
        file=_ATTEMPTS,
        before="        counts=is_running or not together,\n",
        after="        counts=True,\n",
        tests=LOST,
    ),
    Fault(
        name="What ran beside a death is claimed with others again",
        clause="S14",
        file=_ATTEMPTS,
        before="    if step.alone and fact.together:\n",
        after="    if step.alone and not fact.holder:\n",
        tests=LOST,
    ),
    Fault(
        name="Who kills its process is claimed with others again",
        clause="S14, R18",
        file=_ATTEMPTS,
        before="        alone=is_running or together,\n",
        after="        alone=together and not is_running,\n",
        tests=LOST,
    ),
    Fault(
        name="A step that may be called once is called again after a death beside it",
        clause="S14",
        file=_ATTEMPTS,
        before="counts or policy.max_attempts == 1  #",
        after="counts  #",
        tests=LOST,
    ),
    Fault(
        name="A step that goes alone takes the others of its message along",
        clause="S14",
        file=_BATCH,
        before="        return row is None or not row.state.step(step).alone\n",
        after="        return row is None or bool(row.state.step(step))\n",
        tests=("worker/test_alone",),
    ),
    Fault(
        name="Sagas that go in step are claimed as if each were alone",
        clause="S14",
        file="sagas/engine/working.py",
        before="    together = len(fences) > 1\n",
        after="    together = len(fences) < 1\n",
        tests=("worker/test_alone",),
    ),
    Fault(
        name="A dead process is taken to have begun all that it had claimed",
        clause="S14",
        file="sagas/worker/lost.py",
        before="get(key(execution_id, step, fence), Progress.NOT_BEGUN)",
        after="get(key(execution_id, step, fence), Progress.UNKNOWN)",
        tests=("worker/test_lost",),
    ),
    Fault(
        name="What was begun of one step passes for begun of the next",
        clause="S14",
        file=_AT_WORK,
        before="    return execution_id, crc32(step.encode()), fence\n",
        after="    return execution_id, 0, fence\n",
        tests=("worker/test_lost",),
    ),
    Fault(
        name="A process knows only the last action that it began",
        clause="S14",
        file=_AT_WORK,
        before="    _slots[slot + BEGUN] = begun + 1\n",
        after="    _slots[slot + BEGUN] = 1\n",
        tests=AT_WORK,
    ),
    Fault(
        name="An action that has ended passes for what its process died in",
        clause="S14",
        file=_AT_WORK,
        before="        _slots[slot + ENDS_AT] = 0\n",
        after="        pass\n",
        tests=AT_WORK,
    ),
)

BUDGETS = (
    Fault(
        name="To ask whether a step may run on spends the budget of its message",
        clause="L2",
        file=_BATCH,
        before="            return not has_company or is",
        after="            self._steps += 1\n            return not has_company or is",
        tests=("worker/test_run_on",),
    ),
    Fault(
        name="Of what is reported together, all may spend the last of the budget",
        clause="L2",
        file=_BATCH,
        before="if not (self._may_claim(ahead) and",
        after="if not (self._may_claim() and",
        tests=("worker/test_in_step",),
    ),
)

LIMITS = (
    Fault(
        name="Celery keeps the limits of a message, whatever runs by then",
        clause="R4",
        file="sagas/worker/steps.py",
        before="        direction=direction,\n    )\n",
        after="        direction=direction,\n        soft_time_limit=2,\n    )\n",
        tests=("worker/test_steps",),
    ),
    Fault(
        name="Nobody ends a process that hangs where no Python runs",
        clause="R4",
        file="sagas/worker/setup.py",
        before="(PoolCheck, WakeLoop, ChildWatch, HardLimits)",
        after="(PoolCheck, WakeLoop, ChildWatch)",
        tests=("system/test_killed_child",),
    ),
    Fault(
        name="A process is taken for overdue though its action has time",
        clause="R4",
        file=_AT_WORK,
        before="if 0 < _slots[slot + ENDS_AT] < now]",
        after="if 0 < _slots[slot + ENDS_AT]]",
        tests=AT_WORK,
    ),
)

DEATH_FAULTS: Final = (*NEIGHBOURS, *BUDGETS, *LIMITS)
