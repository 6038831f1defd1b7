"""What a row's history has shown so far: only what the clauses ask for, so that histories which
differ in nothing else share a state. The machine never sees it."""

from typing import Final, NamedTuple

from sagas.machine import (
    Cancel,
    Decision,
    Direction,
    Effect,
    FailureKind,
    SagaStep,
    Signal,
    Verdict,
)
from sagas.machine import events as ev
from sagas.machine.family_steps import Family
from tests.model.shape import Shape

SETTLING: Final = (ev.StepSucceeded, ev.StepRetrying, ev.StepFailed, ev.StepRefused)
LEAVES_A_TRACE: Final = (FailureKind.UNKNOWN, FailureKind.CONFLICT)

Attempt = tuple[str, Direction, int]


class Past(NamedTuple):
    settled: frozenset[Attempt] = frozenset()
    touched: frozenset[str] = frozenset()
    """The steps whose action did, or may have done, something at its participant."""
    is_past_pivot: bool = False
    turned_back: bool = False
    was_cancelled: bool = False
    signalled: tuple[tuple[str, str], ...] = ()
    """The waits whose signals were taken, and the keys of these signals, in their order."""

    def after(self, shape: Shape, fact: object, decision: Decision) -> "Past":
        settled, touched = set(self.settled), set(self.touched)
        _, _, is_past_pivot, turned_back, was_cancelled, signalled = self
        for event in (recorded.event for recorded in decision.events):
            turned_back = turned_back or isinstance(event, ev.SagaCompensating)
            if not isinstance(event, SETTLING):
                continue
            settled.add((event.step, event.direction, event.attempt))
            if event.direction is Direction.ACTION and _leaves_a_trace(shape, event, decision):
                touched.add(event.step)
                succeeded = isinstance(event, ev.StepSucceeded)
                pivots = shape.saga.claimed_step(event.step) in shape.saga.pivots
                is_past_pivot = is_past_pivot or (succeeded and pivots)
        if isinstance(fact, Cancel) and decision.verdict is Verdict.ACCEPTED:
            was_cancelled = True
        if isinstance(fact, Signal) and decision.verdict is Verdict.ACCEPTED:
            signalled = (*signalled, (fact.name, fact.key))
        return Past(
            frozenset(settled),
            frozenset(touched),
            is_past_pivot,
            turned_back,
            was_cancelled,
            signalled,
        )

    def keys_of(self, wait: str) -> list[str]:
        """The keys of its signals, in their order."""
        return [key for name, key in self.signalled if name == wait]


def _leaves_a_trace(
    shape: Shape,
    event: ev.StepSucceeded | ev.StepRetrying | ev.StepFailed | ev.StepRefused,
    decision: Decision,
) -> bool:
    if isinstance(shape.step(event.step), Family):
        return decision.state.step(event.step).effect is not Effect.NONE
    if not isinstance(shape.step(event.step), SagaStep):
        return False
    return isinstance(event, ev.StepSucceeded) or event.failure.kind in LEAVES_A_TRACE
