"""What a row's history has shown so far: only what the clauses ask for, so that histories which
differ in nothing else share a state. The machine never sees it."""

from typing import Final, NamedTuple

from sagas.machine import Cancel, Decision, Direction, FailureKind, Verdict
from sagas.machine import events as ev
from tests.model.shapes import Shape

SETTLING: Final = (ev.StepSucceeded, ev.StepRetrying, ev.StepFailed)
LEAVES_A_TRACE: Final = (FailureKind.UNKNOWN, FailureKind.CONFLICT)

Attempt = tuple[str, Direction, int]


class Past(NamedTuple):
    settled: frozenset[Attempt] = frozenset()
    touched: frozenset[str] = frozenset()
    """The steps whose action did, or may have done, something at its participant."""
    is_past_pivot: bool = False
    turned_back: bool = False
    was_cancelled: bool = False

    def after(self, shape: Shape, fact: object, decision: Decision) -> "Past":
        settled, touched = set(self.settled), set(self.touched)
        _, _, is_past_pivot, turned_back, was_cancelled = self
        for event in (recorded.event for recorded in decision.events):
            turned_back = turned_back or isinstance(event, ev.SagaCompensating)
            if not isinstance(event, SETTLING):
                continue
            settled.add((event.step, event.direction, event.attempt))
            if event.direction is Direction.ACTION and _leaves_a_trace(event):
                touched.add(event.step)
                succeeded = isinstance(event, ev.StepSucceeded)
                pivots = shape.step(event.step) in shape.saga.pivots
                is_past_pivot = is_past_pivot or (succeeded and pivots)
        if isinstance(fact, Cancel) and decision.verdict is Verdict.ACCEPTED:
            was_cancelled = True
        return Past(
            frozenset(settled), frozenset(touched), is_past_pivot, turned_back, was_cancelled
        )


def _leaves_a_trace(event: ev.StepSucceeded | ev.StepRetrying | ev.StepFailed) -> bool:
    return isinstance(event, ev.StepSucceeded) or event.failure.kind in LEAVES_A_TRACE
