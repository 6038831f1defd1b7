"""Signals for the rounds of a `Repeat`, sent by the id of their saga.

The round at work is asked first, by whoever hands the signal in, in the same transaction. What it
has no use for, or what comes while no round is at work, is kept for the next one, which begins with
it. The saga knows the key of each: a signal that comes again is no signal for a later round (R13).
"""

from typing import Final

from sagas.machine import events as ev
from sagas.machine.decision import Draft, Verdict
from sagas.machine.definition import Saga
from sagas.machine.facts import Signal
from sagas.machine.family_steps import Repeat, Step
from sagas.machine.kept_signals import payload_digest
from sagas.machine.state import StepState
from sagas.machine.states import StepStatus
from sagas.machine.waiting_steps import MOST_COLLECTED, WaitFor

MOST_KNOWN: Final = MOST_COLLECTED
"""Signals of one name for the rounds of one step: the row knows the key of each."""


def wait_for(definition: Saga, signal: str) -> Step | None:
    """The step that takes a signal in the end, be it in a round of a round; None if none does."""
    step = definition.signals.get(signal)
    while isinstance(step, Repeat):
        [definition] = [part for part in definition.item_sagas if part.items_of == step]
        step = definition.signals[signal]
    return step


def take(draft: Draft, step: Repeat, fact: Signal) -> Verdict:
    """Notes that the round at work took a signal, or keeps it for the next round (R13)."""
    state, options = draft.state.step(step.name), draft.state.options
    if state.status not in (StepStatus.PENDING, StepStatus.WAITING):
        why = f"step {step.name} is {state.status}"
        return draft.refuse(f"No further round waits for {fact.name!r}: {why}.")
    if len(options.keys.get(fact.name, ())) >= MOST_KNOWN:
        advice = "send more to the round itself, by its id."
        return draft.refuse(f"{MOST_KNOWN:,} signals {fact.name!r} have come: {advice}")
    key = fact.key or fact.call
    if fact.taken:
        draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by, key, taken=True))
        return Verdict.ACCEPTED
    if fact.taken is False and _is_at_last(step, state):
        return draft.refuse(f"The wait for {fact.name!r} is over, and this is the last round.")
    wait = wait_for(draft.definition, fact.name)
    assert isinstance(wait, WaitFor), "only waits are asked for in rounds"
    if wait.has_enough(options.collected.get(fact.name, ())):
        return draft.refuse(f"The signals {fact.name!r} that came before are all it waits for.")
    if fact.name in options.signals:
        is_same = payload_digest(options.signals[fact.name]) == payload_digest(fact.payload)
        if is_same and not fact.key:
            return Verdict.REPEATED
        other = "key" if fact.key else "payload"
        return draft.refuse(f"A signal {fact.name!r} came before, with another {other}.")
    draft.emit(ev.SagaSignalled(fact.name, fact.payload, fact.by, key, collected=wait.collect))
    return Verdict.ACCEPTED


def _is_at_last(step: Repeat, state: StepState) -> bool:
    return state.children is not None and state.children.started >= step.most
