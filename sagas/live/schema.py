"""Every message of the live streams, in both directions. Needs no Django.

From here docs/asyncapi.json is written (`make docs`), and against it the tests hold what is sent.
An event's `type` has a dot (`step.succeeded`), that of every other message has none.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sagas.machine import ExecutionStatus

SAGAS_PER_SOCKET: Final = 200
LISTS_PER_SOCKET: Final = 10
LIST_LENGTH: Final = 200
"""Of one socket: what fits on any screen. A list is read anew when it changes."""

Seq = Annotated[int, Field(ge=0, lt=1 << 63)]
SagaId = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]


# --- What the server sends ----------------------------------------------------------------------
class Snapshot(BaseModel):
    """First of each saga: where it stands, as `GET /api/v1/sagas/{saga_id}` shows it. The events
    that follow begin after `after`, so they may be older than the snapshot."""

    type: Literal["snapshot"]
    saga_id: str
    after: Seq
    saga: dict[str, Any] = Field(description="The execution; `last_seq` numbers its last event.")


class Event(BaseModel):
    """What happened to a saga: each once, in order, without a gap."""

    saga_id: str
    seq: int = Field(ge=1, description="Pass the last one as `after` when you connect again.")
    type: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$", description="As `step.succeeded`.")
    step: str | None
    direction: Literal["action", "compensation"] | None
    attempt: int | None
    status: str = Field(description="The execution's status after the event.")
    at: datetime
    data: dict[str, Any]


class Ended(BaseModel):
    """Last of a saga that has ended. The socket of that one saga is then closed with 1000."""

    type: Literal["ended"]
    saga_id: str
    status: str
    last_seq: int


class Heartbeat(BaseModel):
    """Nothing has happened for some time, and the stream is well."""

    type: Literal["heartbeat"]
    every: float = Field(
        description="Seconds. If nothing arrives for three times as long, connect again."
    )


class ListMessage(BaseModel):
    """The newest sagas that match, and how many there are by status. First all of it; later what
    has changed: `sagas` that are new or changed, and `removed` that are no longer among them."""

    type: Literal["list"]
    id: str = Field(description="The name that the subscription gave it.")
    counts: dict[str, int] = Field(description="Status → number, whatever statuses were asked for.")
    sagas: list[dict[str, Any]] = Field(description="As in `GET /api/v1/sagas`.")
    removed: list[str] = Field(description="saga_ids.")


class Error(BaseModel):
    """What could not be done, or what has ended. `code` is that of a close; `about` names the
    saga or the list, null if it is none of them."""

    type: Literal["error"]
    code: int
    message: str
    about: str | None


# --- What a client sends ------------------------------------------------------------------------
class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Authenticate(Sent):
    """The first message of a client that could set neither a header nor a subprotocol."""

    type: Literal["authenticate"]
    token: str = Field(max_length=1000)


class Follow(Sent):
    """Many sagas on one socket, each from the event after the given number."""

    type: Literal["follow"]
    sagas: dict[SagaId, Seq] = Field(min_length=1, max_length=SAGAS_PER_SOCKET)


class Unfollow(Sent):
    type: Literal["unfollow"]
    sagas: list[SagaId] = Field(min_length=1, max_length=SAGAS_PER_SOCKET)


class SubscribeList(Sent):
    """The newest sagas with something in common; null asks nothing."""

    type: Literal["list"]
    id: Name = Field(description="Your name for it.")
    types: tuple[str, ...] | None = Field(None, min_length=1, max_length=50)
    statuses: tuple[ExecutionStatus, ...] | None = Field(None, min_length=1, max_length=10)
    tags: tuple[Name, ...] | None = Field(None, min_length=1, max_length=20, description="All.")
    paused: bool | None = None
    step: str | None = Field(None, max_length=64, description="Scheduled, waiting or in flight.")
    parent: SagaId | None = Field(
        None, description="Only children of this saga. Without it, no children."
    )
    limit: int = Field(50, ge=1, le=LIST_LENGTH)


class Unlist(Sent):
    type: Literal["unlist"]
    id: Name


Command = Annotated[Follow | Unfollow | SubscribeList | Unlist, Field(discriminator="type")]

SENT_BY_SERVER: Final = (Snapshot, Event, Ended, Heartbeat, ListMessage, Error)
SENT_BY_CLIENT: Final = (Authenticate, Follow, Unfollow, SubscribeList, Unlist)
