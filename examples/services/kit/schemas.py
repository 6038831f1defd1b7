"""The shapes of requests that more than one service takes.

Plain pydantic models that forbid unknown fields: a misspelt field is an error, never ignored.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

# What is read by people: no control characters, which could neither be stored nor shown.
Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@-]{1,200}$")]
# Printable characters and blanks: what can be stored, matched and shown.
Glob = Annotated[str, Field(pattern=r"^[ -~]{1,200}$")]
# Far above any sensible order, far below what a column can hold.
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]

# The rows of one answer: what a caller can look at, and some tens of kilobytes.
Limit = Annotated[int, Field(ge=1, le=100)]

# A caller that waits longer than a minute has given up long before.
MAX_LATENCY_SECONDS = 60


class Payload(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid")


class Item(Payload):
    """So many pieces of one article."""

    sku: Name
    quantity: Count


Items = Annotated[list[Item], Field(min_length=1, max_length=100)]


def checked_answer(answer: object) -> object:
    """`answer`, if a fault can give it (else ValueError)."""
    is_status = type(answer) is int and 400 <= answer <= 599  # type(): True is an int, no status
    if is_status or answer in ("drop", None):
        return answer
    raise ValueError('give an HTTP status from 400 to 599, "drop" or null')


class FaultIn(Payload):
    """How requests that match are to be mistreated, and how often.

    `path` and `key` are globs, matched against the request's path and Idempotency-Key (a request
    without one has the key ""). `latency` is in seconds. `when` says whether latency and answer
    come before the effect, which then does not happen if there is an answer, or after it has been
    committed. `answer` is an HTTP status, "drop" (the connection is closed without an answer), or
    null (the true answer). `times` bounds how often the fault fires, `for_seconds` for how long
    after the first time.
    """

    path: Glob = "*"
    key: Glob = "*"
    probability: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    latency: float = Field(default=0.0, ge=0, le=MAX_LATENCY_SECONDS, allow_inf_nan=False)
    when: Literal["before", "after"] = "before"
    answer: Annotated[int | str | None, PlainValidator(checked_answer)] = None
    times: Count | None = None
    for_seconds: float | None = Field(default=None, gt=0, le=86_400, allow_inf_nan=False)
