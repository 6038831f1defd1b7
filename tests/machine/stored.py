"""What the rows of a conversation would keep, without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagas.machine import Saga, event_to_json
from sagas.testing import Conversation
from sagas.whatif.compatibility import Incompatibility, problems

COLUMNS = ("step", "direction", "attempt")


@dataclass(frozen=True)
class Row:
    saga_id: str
    saga_type: str
    version: int
    definition_digest: str
    status: str
    paused: bool
    context: Mapping[str, Any]
    steps: Mapping[str, Any]
    last_seq: int
    options: Mapping[str, Any]
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class EventRow:
    seq: int
    type: str
    step: str | None
    direction: str | None
    attempt: int | None
    data: Mapping[str, Any]


def row_of(talk: Conversation) -> Row:
    state = talk.state
    return Row(
        state.saga_id,
        state.saga_type,
        state.version,
        talk.saga.digest,
        state.status.value,
        state.paused,
        state.context,
        {name: step.to_json() for name, step in state.steps.items()},
        state.last_seq,
        state.options.to_json(),
    )


def events_of(talk: Conversation) -> list[EventRow]:
    rows = []
    for seq, event in enumerate(talk.history, 1):
        data = event_to_json(event)
        step, direction, attempt = (data.pop(name, None) for name in COLUMNS)
        rows.append(EventRow(seq, event.type, step, direction, attempt, data))
    return rows


def met_by(definition: Saga | None, talk: Conversation) -> list[Incompatibility]:
    """What `definition` would meet in the execution that was talked of."""
    return problems(definition, row_of(talk), talk.now, events_of(talk))
