"""Every frame of an order's socket, in both directions."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from realtime.models import TEXT_LENGTH, Message
from sagas.moments import aware

LONGEST: Final = 32 * 1024
"""Characters or bytes of a frame: a message in JSON's longest spelling, and its id."""


def _printable(text: str) -> str:
    """PostgreSQL refuses a NUL, and a terminal obeys an escape."""
    if any(ord(each) < 32 and each not in "\n\t" for each in text):
        raise ValueError("write no control characters but line breaks and tabs")
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LENGTH),
    AfterValidator(_printable),
]


# --- What a client sends ------------------------------------------------------------------------
class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Say(Sent):
    """A message. With the same `id` it may be sent again until it comes back: it is there once."""

    type: Literal["say"]
    id: UUID
    text: Text


class Writing(Sent):
    """Somebody is at a message: good for a few seconds, so it is repeated."""

    type: Literal["writing"]


Command = Annotated[Say | Writing, Field(discriminator="type")]
COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Command)


# --- What the server sends ----------------------------------------------------------------------
def message(found: Message, user_key: str) -> dict[str, Any]:
    """`number` counts the messages of the conversation, without a gap; `id` is the sender's own
    alone."""
    is_mine = found.author_id is not None and str(found.author_id) == user_key
    return {
        "type": "message",
        "number": found.number,
        "role": found.role,
        "author": found.author_name,
        "is_mine": is_mine,
        "id": str(found.key) if is_mine else None,
        "text": found.text,
        "at": aware(found.at).isoformat(),
    }


def said(found: Message) -> dict[str, Any]:
    """To the sender alone, also of a repeat: the message is there, under this number. It comes to
    everybody by the conversation."""
    return {"type": "said", "id": str(found.key), "number": found.number}


def progress(found: dict[str, Any]) -> dict[str, Any]:
    """All of where the order stands; `seq` grows."""
    return {"type": "progress", **found}


def people(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Everybody who looks at the order now: name, role, and whether they write."""
    return {"type": "people", "people": found}


def error(code: int, text: str, about: str | None = None) -> dict[str, Any]:
    """What was not done; `about` is the id of a message that was refused."""
    return {"type": "error", "code": code, "message": text, "about": about}
