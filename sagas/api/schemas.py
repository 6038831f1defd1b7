"""What the HTTP API gives."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field


class Children(Schema):
    total: int
    started: int
    outcomes: dict[str, int] = Field(
        description="How many children are in which state: completed, final (completed, and past "
        "a pivot), gave_up, undone, stuck (needs a person)."
    )


class TaskRules(Schema):
    permission: str | None = Field(description="That its wait asks for.")
    assignee: str | None = Field(description="The login of whom it is assigned to.")
    four_eyes: bool = Field(description="Whether who started the saga may not do it.")
    since: datetime = Field(description="When the wait began.")
    due_at: datetime | None = Field(description="Until when it should be done; it ends nothing.")
    late: bool = Field(description="Whether that has passed.")


class Task(TaskRules):
    saga_id: str = Field(description="Of the execution that waits, which may be a child.")
    saga_type: str
    version: int
    name: str = Field(description="Of the signal that does it.")
    form: dict[str, Any] | None = Field(
        description="The JSON Schema of the signal's payload; null if it may be anything."
    )


class Tasks(Schema):
    tasks: list[Task]
    next_after: str | None = Field(description="Pass it as `after` to read on; null at the end.")


class Step(Schema):
    name: str
    kind: str | None = Field(
        description="SagaStep, Pivot, Poll, WaitFor, Sleep, SubSaga, ForEach or Repeat."
    )
    status: str
    effect: str = Field(
        description="What is known of its effect at the participant: none, possible, applied."
    )
    attempts: int
    compensation_attempts: int
    due_at: datetime | None = Field(description="When its next attempt is due.")
    until: datetime | None = Field(
        description="Until when it waits, unless it waits without a limit."
    )
    left_out: bool = Field(description="Whether a choice took another way, so it never runs.")
    form: dict[str, Any] | None = Field(
        description="Of a WaitFor with a form: the JSON Schema of its signal's payload."
    )
    task: TaskRules | None = Field(description="Of a task that waits for a person.")
    children: Children | None
    error: dict[str, str] | None


class Parent(Schema):
    saga_id: str
    step: str = Field(description="The parent's step that this execution is part of.")


class Overview(Schema):
    saga_id: str
    saga_type: str
    version: int
    status: str
    tags: list[str]
    paused: bool
    current_steps: list[str] = Field(description="Scheduled, waiting or in flight.")
    gave_up: list[str] = Field(description="Steps that a person has to settle.")
    parent: Parent | None
    start_at: datetime | None
    deadline: datetime | None
    blocked: bool = Field(description="Whether it waits for locks that others hold.")
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class Attention(Schema):
    saga_id: str
    reason: str


class Execution(Overview):
    waits_for_locks: list[str]
    attention: list[Attention] = Field(
        description="What needs a person: this execution, or some below it, 20 of these at most."
    )
    attention_count: int = Field(description="How many executions need a person, here and below.")
    context: dict[str, Any]
    error: dict[str, Any] | None
    steps: list[Step]
    choices: dict[str, str] = Field(
        description="Each choice that was made, and what it took: a value as JSON, the name of a "
        "condition, otherwise, or an empty string for nothing. Of a FirstOf, its first member."
    )
    last_seq: int


class StartedSaga(Schema):
    saga_id: str
    status: str
    created: bool = Field(description="False if the same request made it before.")


class StartedSagas(Schema):
    sagas: list[StartedSaga] = Field(description="In the order of the request.")


class Executions(Schema):
    sagas: list[Overview]
    next_before: int | None = Field(description="Pass it as `before` to read on; null at the end.")


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


class WayBack(Schema):
    refused: str = Field(description="Why a cancel would be refused; empty if it would not.")
    settling: list[str] = Field(
        description="Steps in flight: they are waited for, and assumed to have happened."
    )
    stages: list[list[str]] = Field(
        description="Undone one stage after the other, the steps of a stage in parallel."
    )


class AdoptedStep(Schema):
    name: str
    status: str
    fate: str = Field(
        description="stays, goes on, to come, withdrawn (it was not begun) or gone (from the "
        "definition)."
    )


class Adoption(Schema):
    version: int
    digest: str = Field(description="Of the structure of that definition.")
    refused: list[str] = Field(description="Why it can't be moved; empty if it can.")
    is_there: bool = Field(description="Whether it already uses that definition.")
    steps: list[AdoptedStep]
    stages: list[list[str]] = Field(
        description="What a cancel after that would undo, one stage after the other."
    )


class ManyResult(Schema):
    matched: int = Field(description="How many sagas it applies to: `limit` at most.")
    done: int = Field(description="How many accepted the action, or had it already.")
    refused: dict[str, str] = Field(description="saga_id → why.")
    next_before: int | None = Field(
        description="Pass it as `before` to go on with older ones; null if there are none."
    )


class SagaType(Schema):
    saga_type: str
    versions: list[int] = Field(description="The newest first: that is what a start takes.")


class SagaTypes(Schema):
    definitions: list[SagaType]


class DefinedStep(Schema):
    name: str
    kind: str = Field(
        description="SagaStep, Pivot, Poll, WaitFor, Sleep, SubSaga, ForEach or Repeat."
    )
    has_compensation: bool
    can_be_undone: bool = Field(description="False for the pivot, and for what comes after it.")
    form: dict[str, Any] | None = Field(
        description="Of a WaitFor with a form: the JSON Schema of its signal's payload."
    )
    is_task: bool = Field(description="Whether it is a wait for a person, listed as a task.")


class Definition(Schema):
    saga_type: str
    version: int
    digest: str = Field(description="Of its structure: executions keep it.")
    input: dict[str, Any] | None = Field(
        description="The JSON Schema of the context that a start needs; null if its author gave "
        "none."
    )
    steps: list[DefinedStep] = Field(description="In the order in which they are written.")


class Problem(Schema):
    """As in RFC 9457, with the content type application/problem+json."""

    type: str = Field(description="urn:sagas:problem: and the code.")
    title: str = Field(description="The same for every problem of its kind.")
    status: int
    detail: str = Field(description="What happened and what to do, for people.")
    error: str = Field(description="A code for programs.")
    fields: dict[str, str] = Field({}, description="The path of each invalid field; 20 at most.")
    more: int = Field(0, description="How many more fields are invalid.")
