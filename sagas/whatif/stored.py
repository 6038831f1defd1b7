"""What the rows keep of an execution, read as the machine's own values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sagas.machine import event_from_json
from sagas.machine.events import Event
from sagas.machine.evolve import with_asks
from sagas.machine.facts import ParentCommand
from sagas.machine.state import ExecutionState, Options, StepState
from sagas.machine.states import ExecutionStatus


class Stored(Protocol):
    """An execution as its row keeps it: columns, and JSON values."""

    @property
    def saga_id(self) -> str: ...
    @property
    def saga_type(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def definition_digest(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def paused(self) -> bool: ...
    @property
    def context(self) -> Mapping[str, Any]: ...
    @property
    def steps(self) -> Mapping[str, Any]: ...
    @property
    def last_seq(self) -> int: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def commands(self) -> Sequence[str]: ...


class StoredEvent(Protocol):
    """An event as its row keeps it."""

    @property
    def seq(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def step(self) -> str | None: ...
    @property
    def direction(self) -> str | None: ...
    @property
    def attempt(self) -> int | None: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


def read(stored: Stored) -> ExecutionState:
    """The state that a row keeps. Raises whatever comes of one that this code can't read, or
    would not write again as it is."""
    steps = {}
    for name, data in stored.steps.items():
        steps[name] = StepState.from_json(data)
        if unknown := sorted(data.keys() - steps[name].to_json().keys()):
            raise ValueError(f"step {name} has {', '.join(unknown)}, which this code would drop")
    for command in stored.commands:
        ParentCommand(command)
    return ExecutionState(
        stored.saga_id,
        stored.saga_type,
        stored.version,
        ExecutionStatus(stored.status),
        stored.paused,
        stored.context,
        steps,
        stored.last_seq,
        Options.from_json(stored.options),
    )


def read_event(row: StoredEvent) -> Event:
    """The event that a row keeps. Raises whatever comes of one that this code can't read."""
    columns = {"step": row.step, "direction": row.direction, "attempt": row.attempt}
    present = {name: value for name, value in columns.items() if value is not None}
    return event_from_json(row.type, {**row.data, **present})


def differences(folded: ExecutionState, state: ExecutionState) -> list[str]:
    """What `folded`, out of the events, and `state`, out of the row, don't agree on (S8)."""
    folded = with_asks(folded, state)
    steps = {name: _as_kept(step, state.step(name)) for name, step in folded.steps.items()}
    names = ("status", "paused", "context", "last_seq", "options")
    other = [name for name in names if getattr(folded, name) != getattr(state, name)]
    touched = sorted(steps.keys() | state.steps.keys())
    return other + [f"step {name}" for name in touched if steps.get(name) != state.steps.get(name)]


def _as_kept(step: StepState, kept: StepState) -> StepState:
    """`step`, but without what older code, which wrote the row at some time, did not keep yet."""
    since = None if kept.since is None else step.since
    return replace(step, since=since, alone=step.alone and kept.alone)
