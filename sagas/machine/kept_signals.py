"""What the row keeps of signals: those that their step has not taken yet, and the keys of all."""

from dataclasses import replace
from typing import Any, Final

from sagas.machine import events as ev
from sagas.machine.context import digest
from sagas.machine.definition import Saga
from sagas.machine.facts import BY_PARENT, Signal
from sagas.machine.family_steps import Repeat
from sagas.machine.state import ExecutionState, Options, step_with

DIGEST_LENGTH: Final = 16
"""Hexadecimal digits of a payload's digest: a wait may keep 1,000 of them, and nobody gains by
finding two payloads that have one."""


def signalled(state: ExecutionState, event: ev.SagaSignalled) -> dict[str, Any]:
    """What a signal changes: what is kept, and the step that grows by it, if that has begun."""
    return {"options": _kept(state.options, event), **_grown(state, event)}


def _kept(options: Options, event: ev.SagaSignalled) -> Options:
    name, keys = event.name, options.keys
    if event.key:
        keys = {**keys, name: {**keys.get(name, {}), event.key: payload_digest(event.payload)}}
    if event.taken:
        return replace(options, keys=keys)
    name = event.goes_to or name
    if event.collected:
        came = [*options.collected.get(name, ()), event.payload]
        return replace(options, keys=keys, collected={**options.collected, name: came})
    return replace(options, keys=keys, signals={**options.signals, name: event.payload})


def _grown(state: ExecutionState, event: ev.SagaSignalled) -> dict[str, Any]:
    step = state.step(event.goes_to)
    if step.children is None:
        return {}
    total = step.children.total + event.collected
    children = replace(step.children, total=total, open=event.collected)
    return {"steps": {**state.steps, event.goes_to: step_with(step, {"children": children})}}


def kept_for(definition: Saga, state: ExecutionState, step: str) -> tuple[Signal, ...]:
    """What came before the next round of `step`, if that is a `Repeat`, in the order of each
    name."""
    found = []
    for name, known in definition.signals.items():
        if isinstance(known, Repeat) and known.name == step:
            single = [state.options.signals[name]] if name in state.options.signals else []
            came = [*single, *state.options.collected.get(name, ())]
            found += [Signal(name, payload, BY_PARENT) for payload in came]
    return tuple(found)


def payload_digest(payload: Any) -> str:
    """What is kept of a payload, to tell whether another one is the same."""
    return digest({"payload": payload})[:DIGEST_LENGTH]


def without_signal(options: Options, step: str) -> Options:
    """Signals that their wait has taken are kept no longer."""
    signals = {name: payload for name, payload in options.signals.items() if name != step}
    collected = {name: came for name, came in options.collected.items() if name != step}
    return replace(options, signals=signals, collected=collected)
