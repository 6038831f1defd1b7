"""What the HTTP API takes."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from ninja import Schema
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sagas import queries
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
    Resolve,
    Resume,
    Skip,
    TryAgain,
)
from sagas.machine.context import NotStorable, storable_json


def _bad(message: str) -> PydanticCustomError:
    # A ValueError would be told as "Value error, …".
    return PydanticCustomError("bad_value", "{message}", {"message": message})


def _iso_text(value: object) -> datetime:
    # Pydantic alone would take a number, too, and guess whether it counts milliseconds.
    if isinstance(value, datetime):
        return value  # of one of many, which has been looked at before
    try:
        return datetime.fromisoformat(value)  # type: ignore[arg-type]  # refused here
    except (TypeError, ValueError):
        raise _bad("Write it as in 2026-01-31T12:00:00Z.") from None


def _on_calendar(value: datetime) -> datetime:
    # A little later, in UTC, it is past what Python can read back out of PostgreSQL.
    if not 1970 <= value.year < 3000:
        raise _bad("It has to be between the years 1970 and 3000.")
    return value.astimezone(UTC)


def _storable(value: str) -> str:
    try:
        storable_json({"text": value})
    except NotStorable as error:
        raise _bad(f"It {error.message}") from None
    return value


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_iso_text, json_schema_input_type=datetime),
    AfterValidator(_on_calendar),
]

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    AfterValidator(_storable),
    Field(description="Why; it is recorded with your name."),
]


MOST_NAMES: Final = 32
"""Of one object that is no context: more than any has."""


def _few(most: int) -> BeforeValidator:
    """Refuses a longer list before its items are looked at: each could be an error of its own."""

    def few(value: object) -> object:
        if isinstance(value, list) and len(value) > most:
            raise _bad(f"There are {len(value):,}, and {most:,} are the most.")
        return value

    return BeforeValidator(few)


Version = Annotated[
    int | None,
    Field(
        ge=1,
        lt=queries.MOST_VERSIONS,
        description="Of the definition; by default the execution's own, as it is here by now.",
    ),
]


Names = Annotated[list[Annotated[str, StringConstraints(max_length=63)]], _few(1000)]


class Request(Schema):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_names(cls, value: Any) -> Any:
        # What is handed in is Ninja's own wrapper around it.
        given = getattr(value, "_obj", value)
        if isinstance(given, dict) and len(given) > MOST_NAMES:
            raise _bad(f"The object has {len(given):,} names, and {MOST_NAMES} are the most.")
        return value


class NewSagaRequest(Request):
    saga_id: str | None = Field(
        None,
        description="Your business key. The same request again gives the same execution. "
        "Without one, an id is made.",
    )
    context: dict[str, Any] = Field(description="The input; what each step finds in its context.")
    start_at: Moment | None = Field(
        None, description="No step starts before. ISO 8601, with a time zone."
    )
    deadline: Moment | None = Field(
        None, description="From here on it turns back, if it still can. ISO 8601, with a time zone."
    )
    tags: Annotated[list[str], _few(MOST_TAGS)] = Field(
        [], description="What you find it by again; no part of its input."
    )


class StartRequest(NewSagaRequest):
    saga_type: str = Field(examples=["order_processing"])
    version: int | None = Field(None, strict=True, description="The newest by default.")


def _each_new_saga(value: object) -> object:
    """Each by itself: Pydantic would keep every error of all of them, a kilobyte each."""
    if not isinstance(value, list):
        return value
    if len(value) > MOST_STARTS:
        raise _bad(f"There are {len(value):,}, and {MOST_STARTS:,} are the most.")
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
    ] = Field(description=f"{MOST_STARTS:,} at most, and no larger a body than any other.")

    def new_sagas(self) -> list[NewSaga]:
        """The same, as the engine takes them."""
        return [NewSaga(**dict(each)) for each in self.sagas]


class SignalRequest(Request):
    payload: Any = Field(None, description="What the context gets under the signal's name.")


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
    step: str | None = Field(None, description="All that gave up by default.")

    def operation(self, by: str) -> Operation:
        return TryAgain(step=self.step, by=by, reason=self.reason)


class SkipRequest(ActionRequest):
    step: str
    changes: dict[str, Any] = Field({}, description="What the step would have returned.")

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
    step: str | None = Field(None, description="One that is scheduled, waits or is in flight.")
    paused: bool | None = None
    attention: bool | None = Field(
        None, description="Whether it, or something below it, needs a person."
    )
    tag: str | None = Field(None, description="One of its tags.")
    created_before: Moment | None = None
    created_after: Moment | None = Field(None, description="At that moment, or later.")
    parent: str | None = Field(
        None, description="The saga_id whose children are meant. Without it, none is a child."
    )

    def as_filter(self) -> queries.Filter:
        return queries.Filter(
            **self.dict(exclude={"tag"}), tags=None if self.tag is None else (self.tag,)
        )


class ManyRequest(Request):
    action: Literal["cancel", "pause", "resume", "retry", "skip", "resolve", "amend", "adopt"]
    reason: Reason
    step: str | None = None
    changes: dict[str, Any] | None = None
    version: Version = None
    leave: Names | None = None
    filter: FilterRequest = Field(description="At least one condition.")
    limit: int = Field(100, ge=1, le=1000)
    before: int | None = Field(
        None, ge=1, lt=1 << 63, description="The `next_before` of the answer before."
    )
    dry_run: bool = False
