"""A `ForEach` that grows: what becomes of the signals that add an item, or say that no more come.

The step ends once it is closed and all its items are done. What these give is in their rows: if the
signal that closes it finds all of them done, whoever handed it in tells that right after it, as if
the last of them had just come to its end (`closed_by`).
"""

from sagas.machine import events as ev
from sagas.machine.added_items import MOST_ADDED, is_open
from sagas.machine.decision import Draft, Verdict, succeed_unclaimed
from sagas.machine.definition import Saga
from sagas.machine.facts import Signal
from sagas.machine.families import start_more
from sagas.machine.family_steps import ForEach
from sagas.machine.outcomes import completes, has_failed
from sagas.machine.state import ExecutionState
from sagas.machine.states import StepStatus


def is_closed_again(draft: Draft, step: ForEach, fact: Signal) -> bool:
    """Whether the signal says what is known: that no more items come (R13)."""
    return fact.name == step.closes_by and not is_open(step, draft.state)


def take(draft: Draft, step: ForEach, fact: Signal) -> Verdict:
    """Adds an item, or closes the step, be it early or not (R13)."""
    state, closes = draft.state.step(step.name), fact.name == step.closes_by
    # One that failed may be tried again: by then it must be known that it is closed.
    is_kept = closes and state.status is StepStatus.FAILED
    if state.status not in (StepStatus.PENDING, StepStatus.WAITING) and not is_kept:
        return draft.refuse(f"Step {step.name} is {state.status}: it takes no more items.")
    if closes:
        return _close(draft, step, fact)
    if not is_open(step, draft.state):
        why = f"the signal {step.closes_by!r} has come"
        return draft.refuse(f"Step {step.name} takes no more items: {why}.")
    if state.children is not None and has_failed(step, state.children):
        return draft.refuse(f"Items of step {step.name} gave up: it takes no more.")
    if len(draft.state.options.collected.get(step.name, ())) >= MOST_ADDED:
        return draft.refuse(f"Signals have added {MOST_ADDED:,} items to step {step.name}: no more")
    key = fact.key or fact.call
    draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by, key, True, step.name))
    if state.children is not None and state.status is StepStatus.WAITING:
        start_more(draft, step.name)
    return Verdict.ACCEPTED


def _close(draft: Draft, step: ForEach, fact: Signal) -> Verdict:
    draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by, fact.key, False, step.name))
    state = draft.state.step(step.name)
    has_none = state.children is not None and not state.children.total
    if has_none and state.status is StepStatus.WAITING:
        succeed_unclaimed(draft, step.name, {step.name: []})
    return Verdict.ACCEPTED


def closed_by(definition: Saga, state: ExecutionState, fact: Signal) -> str:
    """The step that this signal has closed with all its items done, so that its end is due; empty
    if there is none."""
    step = definition.signals.get(fact.name)
    is_over = isinstance(step, ForEach) and completes(definition, state, step.name, {})
    return step.name if step is not None and is_over else ""
