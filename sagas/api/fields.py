"""Values that several requests take, each checked by itself."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from sagas import queries
from sagas.machine.context import NotStorable, storable_json


def bad_value(message: str) -> PydanticCustomError:
    """What a validator raises, to be told in these words."""
    # A ValueError would be told as "Value error, …".
    return PydanticCustomError("bad_value", "{message}", {"message": message})


def _iso_text(value: object) -> datetime:
    # Pydantic alone would take a number, too, and guess whether it counts milliseconds.
    if isinstance(value, datetime):
        return value  # of one of many, which has been looked at before
    try:
        return datetime.fromisoformat(value)  # type: ignore[arg-type]  # refused here
    except (TypeError, ValueError):
        raise bad_value("Write it as in 2026-01-31T12:00:00Z.") from None


def _on_calendar(value: datetime) -> datetime:
    # A little later, in UTC, it is past what Python can read back out of PostgreSQL.
    if not 1970 <= value.year < 3000:
        raise bad_value("It has to be between the years 1970 and 3000.")
    return value.astimezone(UTC)


def _storable(value: str) -> str:
    try:
        storable_json({"text": value})
    except NotStorable as error:
        raise bad_value(f"It {error.message}") from None
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


def at_most(most: int) -> BeforeValidator:
    """Refuses a longer list before its items are looked at: each could be an error of its own."""

    def check(value: object) -> object:
        if isinstance(value, list) and len(value) > most:
            raise bad_value(f"There are {len(value):,}, and at most {most:,} are allowed.")
        return value

    return BeforeValidator(check)


Version = Annotated[
    int | None,
    Field(
        ge=1,
        lt=queries.MOST_VERSIONS,
        description="The definition's version; by default the execution's own, as defined now.",
    ),
]


DefinitionVersion = Annotated[
    int | None,
    Field(ge=1, lt=queries.MOST_VERSIONS, description="The newest by default."),
]


Names = Annotated[list[Annotated[str, StringConstraints(max_length=63)]], at_most(1000)]
