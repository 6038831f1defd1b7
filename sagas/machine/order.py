"""Where a saga goes next. Forward and backward are one walk over the same tree."""

from collections.abc import Container

from sagas.machine.state import StepState
from sagas.machine.states import DONE_FORWARD, TRIED_FORWARD, Effect, StepStatus
from sagas.machine.steps import Step, is_compensable
from sagas.machine.tree import InOrder, Node, Parallel


def frontier(node: Node, settled: Container[str], *, backward: bool = False) -> list[Step]:
    """The steps below `node` that come next: not `settled`, and nothing before them unsettled.

    "Before" is the written order, or its reverse if `backward`; branches don't wait for each
    other. Empty if all of `node` is settled.
    """
    match node:
        case InOrder(nodes=nodes):
            for child in reversed(nodes) if backward else nodes:
                if found := frontier(child, settled, backward=backward):
                    return found
            return []
        case Parallel(branches=branches):
            return [
                step for branch in branches for step in frontier(branch, settled, backward=backward)
            ]
        case _:
            return [] if node.name in settled else [node]


def is_done(step: StepState) -> bool:
    """Whether the way forward is past this step."""
    return step.status in DONE_FORWARD


def is_undone(definition: Step, step: StepState) -> bool:
    """Whether the way back is past this step: nothing to undo, undone, or given up (S4, S6)."""
    if step.status in (StepStatus.COMPENSATION_SCHEDULED, StepStatus.COMPENSATING):
        return False
    if step.status in TRIED_FORWARD:
        return step.effect is Effect.NONE or not is_compensable(definition)
    return True
