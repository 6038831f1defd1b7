"""Signals that are for a round of a `Repeat`: which round is asked, and what its answer means."""

from dataclasses import replace

from sagas.engine.saving import Transition
from sagas.machine import Decision, Repeat, Saga, Signal, StepStatus, Verdict
from sagas.store import children
from sagas.store.executions import ExecutionSnapshot


def at_work(definition: Saga, locked: ExecutionSnapshot, signal: str) -> int | None:
    """The id of the newest round that a signal may be for; None if it is for no round, or there is
    none yet."""
    step = definition.signals.get(signal)
    if not isinstance(step, Repeat):
        return None
    state = locked.state.step(step.name)
    if state.status is not StepStatus.WAITING or state.children is None:
        return None
    return children.numbered(locked.id, step.name, state.children.started - 1)


def answered(
    definition: Saga, locked: ExecutionSnapshot, fact: Signal, found: Transition
) -> Signal | Transition:
    """The signal as its saga takes it, now that the round was asked; or the round's own answer, if
    it has one that its saga need not know of."""
    decision = found.decision
    if decision.verdict is Verdict.ACCEPTED:
        return replace(fact, taken=True)
    kept = decision.state.options
    # What the round has not come to yet is still for its wait, and so is what contradicts it.
    is_early = fact.name in kept.signals or fact.name in kept.collected
    if decision.verdict is Verdict.REFUSED and not is_early:
        return replace(fact, taken=False)
    answer = Decision(decision.verdict, locked.state, (), (), reason=decision.reason)
    return Transition(definition, answer, locked, None)
