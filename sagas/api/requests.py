"""What the HTTP API takes."""

from typing import Annotated, Any, Final, Literal

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sagas import queries
from sagas.api.fields import Moment, Names, Reason, Version, at_most, bad_value
from sagas.api.problems import MOST_TOLD
from sagas.errors import BadInput
from sagas.inputs import MOST_STARTS, MOST_TAGS, NewSaga
from sagas.machine import (
    Adopt,
    Amend,
    Cancel,
    ExecutionStatus,
    Operation,
    Pause,
    Reschedule,
    Resolve,
    Resume,
    Skip,
    TryAgain,
)

MOST_NAMES: Final = 32
"""Of one object that is no context: more than any has."""


class Request(Schema):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_names(cls, value: Any) -> Any:
        # What is handed in is Ninja's own wrapper around it.
        given = getattr(value, "_obj", value)
        if isinstance(given, dict) and len(given) > MOST_NAMES:
            raise bad_value(
                f"The object has {len(given):,} names, and at most {MOST_NAMES} are allowed."
            )
        return value


class NewSagaRequest(Request):
    saga_id: str | None = Field(
        None,
        description="Your business key. Repeating the request returns the same execution. Without "
        "a key, an id is generated.",
    )
    context: dict[str, Any] = Field(description="The input; every step finds it in its context.")
    start_at: Moment | None = Field(
        None, description="No step starts before this time. ISO 8601, with a time zone."
    )
    deadline: Moment | None = Field(
        None, description="From here on it turns back, if it still can. ISO 8601, with a time zone."
    )
    tags: Annotated[list[str], at_most(MOST_TAGS)] = Field(
        [], description="Labels to find it by; not part of its input."
    )


class SignalRequest(Request):
    payload: Any = Field(
        None,
        description="The value that the context gets under the signal's name, alone or in a list.",
    )
    key: str | None = Field(
        None,
        description="Your id of this very signal, up to 100 characters: it counts once. The same "
        "key with another payload is refused.",
    )


class FirstSignalRequest(SignalRequest):
    name: str = Field(description="The name of the wait.")


class StartRequest(NewSagaRequest):
    saga_type: str = Field(examples=["order_processing"])
    version: int | None = Field(None, strict=True, description="The newest by default.")
    signal: FirstSignalRequest | None = Field(
        None,
        description="Sent to the saga, whether it is new or not, in the same transaction. Needs a "
        "saga_id.",
    )


def _each_new_saga(value: object) -> object:
    """Each by itself: Pydantic would keep every error of all of them, a kilobyte each."""
    if not isinstance(value, list):
        return value
    if len(value) > MOST_STARTS:
        raise bad_value(f"There are {len(value):,}, and at most {MOST_STARTS:,} are allowed.")
    sagas: list[NewSagaRequest] = []
    fields: dict[str, str] = {}
    more = 0
    for number, each in enumerate(value):
        try:
            sagas.append(NewSagaRequest.model_validate(each))
        except ValidationError as error:
            if len(fields) >= MOST_TOLD:
                more += error.error_count()
                continue
            for wrong in error.errors(
                include_url=False, include_context=False, include_input=False
            ):
                place = ".".join(map(str, ("sagas", number, *wrong["loc"])))
                fields[place] = wrong["msg"]
    if fields:
        raise BadInput(fields, more)
    return sagas


class BulkRequest(Request):
    saga_type: str = Field(examples=["order_processing"])
    version: int | None = Field(None, strict=True, description="The newest by default.")
    sagas: Annotated[
        list[NewSagaRequest],
        BeforeValidator(_each_new_saga, json_schema_input_type=list[NewSagaRequest]),
    ] = Field(
        description=f"{MOST_STARTS:,} at most; the usual limit for the size of a body applies."
    )

    def new_sagas(self) -> list[NewSaga]:
        """The same, as the engine takes them."""
        return [NewSaga(**dict(each)) for each in self.sagas]


class ActionRequest(Request):
    """What is asked for of one execution."""

    reason: Reason

    def operation(self, by: str) -> Operation | Adopt:
        """The same, as the engine takes it."""
        raise NotImplementedError


class CancelRequest(ActionRequest):
    def operation(self, by: str) -> Operation:
        return Cancel(by=by, reason=self.reason)


class PauseRequest(ActionRequest):
    def operation(self, by: str) -> Operation:
        return Pause(by=by, reason=self.reason)


class ResumeRequest(ActionRequest):
    def operation(self, by: str) -> Operation:
        return Resume(by=by, reason=self.reason)


class RetryRequest(ActionRequest):
    step: str | None = Field(None, description="By default, all steps that gave up.")

    def operation(self, by: str) -> Operation:
        return TryAgain(step=self.step, by=by, reason=self.reason)


class RescheduleRequest(ActionRequest):
    step: str
    moment: Moment = Field(description="The new time. ISO 8601, with a time zone.")

    def operation(self, by: str) -> Operation:
        return Reschedule(step=self.step, moment=self.moment, by=by, reason=self.reason)


class SkipRequest(ActionRequest):
    step: str
    changes: dict[str, Any] = Field({}, description="The result that the step would have returned.")

    def operation(self, by: str) -> Operation:
        return Skip(step=self.step, changes=self.changes, by=by, reason=self.reason)


class ResolveRequest(ActionRequest):
    step: str

    def operation(self, by: str) -> Operation:
        return Resolve(step=self.step, by=by, reason=self.reason)


class AmendRequest(ActionRequest):
    changes: dict[str, Any] = Field(min_length=1, description="Keys of the context.")

    def operation(self, by: str) -> Operation:
        return Amend(changes=self.changes, by=by, reason=self.reason)


class AdoptRequest(ActionRequest):
    version: Version = None
    leave: Names = Field([], description="Steps that were done, and need not be undone.")

    def operation(self, by: str) -> Adopt:
        return Adopt(version=self.version, leave=tuple(self.leave), by=by, reason=self.reason)


class FilterRequest(Request):
    """Which executions; None asks nothing."""

    saga_type: str | None = None
    version: int | None = None
    status: ExecutionStatus | None = None
    step: str | None = Field(None, description="A step that is scheduled, waiting or in flight.")
    paused: bool | None = None
    attention: bool | None = Field(
        None, description="Whether it, or a saga below it, needs a person."
    )
    tag: str | None = Field(None, description="One of its tags.")
    created_before: Moment | None = None
    created_after: Moment | None = Field(None, description="At this time, or later.")
    parent: str | None = Field(
        None,
        description="Only children of this saga. Without it, only sagas that are not children.",
    )

    def as_filter(self) -> queries.Filter:
        return queries.Filter(
            **self.dict(exclude={"tag"}), tags=None if self.tag is None else (self.tag,)
        )


class TaskRequest(Request):
    """Which tasks; None asks nothing."""

    mine: bool = Field(False, description="Only those that are assigned to you.")
    late: bool | None = Field(None, description="Whether their due date has passed.")
    permission: str | None = Field(None, description="The permission that their wait asks for.")
    saga_type: str | None = None

    def as_filter(self, login: str) -> queries.TaskFilter:
        given = self.dict(exclude={"mine"})
        return queries.TaskFilter(**given, assignee=login if self.mine else None)


class ManyRequest(Request):
    action: Literal[
        "cancel", "pause", "resume", "retry", "reschedule", "skip", "resolve", "amend", "adopt"
    ]
    reason: Reason
    step: str | None = None
    moment: Moment | None = None
    changes: dict[str, Any] | None = None
    version: Version = None
    leave: Names | None = None
    filter: FilterRequest = Field(description="At least one condition.")
    limit: int = Field(100, ge=1, le=1000)
    before: int | None = Field(
        None, ge=1, lt=1 << 63, description="The `next_before` of the previous answer."
    )
    dry_run: bool = False
