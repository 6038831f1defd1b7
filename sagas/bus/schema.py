"""What an event looks like on the bus: the one place, of which docs/events.schema.json is made."""

import json
import uuid
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from sagas.machine import ExecutionStatus
from sagas.machine.events import EVENT_TYPES

VERSION: Final = 1
"""Grows when a reader of the one before could be misled. A new field is no reason."""


class Envelope(BaseModel):
    """One event of a saga. Fields may be added: a reader ignores those that it does not know."""

    model_config = ConfigDict(title="A saga's event", extra="allow")

    envelope: Literal[1] = Field(description="The version of this format.")
    id: uuid.UUID = Field(description="The same for every repetition, and unique to the event.")
    saga_id: str = Field(max_length=255)
    saga_type: str = Field(max_length=127)
    version: int = Field(ge=1, description="The version of the saga's definition.")
    seq: int = Field(ge=1, description="1, 2, 3 … in this saga, without a gap.")
    event: str = Field(
        description="What happened. More types may be added.",
        examples=sorted(EVENT_TYPES),
        max_length=32,
    )
    step: str | None = Field(description="The step, if the event is about one.")
    direction: Literal["action", "compensation"] | None
    attempt: int | None = Field(description="The attempt at that step and direction, from 1.")
    status: str = Field(
        description="The saga's status after the event.",
        examples=[status.value for status in ExecutionStatus],
    )
    at: datetime = Field(description="When, by the database's clock (RFC 3339).")
    trace: str = Field(
        pattern=r"^[0-9a-f]{32}$",
        description="The trace that all calls of the saga and of its children belong to (the "
        "trace-id of W3C Trace Context).",
    )
    data: dict[str, Any] = Field(description="Further data, depending on the type of event.")


def schema() -> str:
    """docs/events.schema.json (JSON Schema 2020-12)."""
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(found | Envelope.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
