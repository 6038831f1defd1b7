"""What the HTTP API takes and gives."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import ConfigDict, Field


class StartRequest(Schema):
    model_config = ConfigDict(extra="forbid")

    saga_type: str = Field(examples=["order_processing"])
    saga_id: str | None = Field(
        None,
        description="Your business key. The same request again gives the same execution. "
        "Without one, an id is made.",
    )
    context: dict[str, Any] = Field(description="The input; what each step finds in its context.")


class Step(Schema):
    name: str
    status: str
    effect: str = Field(description="What is known at the participant: none, possible, applied.")
    attempts: int
    compensation_attempts: int
    due_at: datetime | None
    error: dict[str, str] | None


class Execution(Schema):
    saga_id: str
    saga_type: str
    version: int
    status: str
    paused: bool
    context: dict[str, Any]
    error: dict[str, Any] | None
    steps: list[Step]
    last_seq: int
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class Event(Schema):
    seq: int
    type: str
    step: str | None
    direction: str | None
    attempt: int | None
    status: str
    at: datetime
    data: dict[str, Any]


class Events(Schema):
    events: list[Event]
    last_seq: int = Field(description="Pass it as `after` to read on.")


class Problem(Schema):
    error: str = Field(description="A word for programs.")
    message: str = Field(description="A sentence for people.")
    fields: dict[str, str] = Field({}, description="The path of each field at fault.")
