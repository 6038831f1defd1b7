"""What an execution may be started with. Bad input is refused here, before anything is written."""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sagas.errors import BadInput, LockHeld
from sagas.machine import Saga
from sagas.machine.context import (
    RESERVED,
    NotStorable,
    digest,
    fitting_json,
    storable,
    storable_json,
)
from sagas.machine.parameters import shown
from sagas.models import SAGA_ID_LENGTH
from sagas.validation import below_context, lock_keys, validate

SAGA_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{SAGA_ID_LENGTH - 1}}}")
"""What a business key may look like: it goes into URLs and HTTP headers as it is."""

ANY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,254}")
"""The same, or a child's, which the engine makes: `~` keeps them apart."""


TAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
MOST_TAGS: Final = 20
"""Of one execution: more is data, and belongs into the context."""

LONGEST_KEY: Final = 100
"""Characters of a signal's key: the row has all of a wait, up to 1,000."""

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)
"""What a start time or a deadline may be. PostgreSQL knows years that Python can't read back."""


MOST_STARTS: Final = 10_000
"""Executions that are started at once. They are one statement, of a second or so; with many more
it comes near the statement timeout, and gains nothing."""

MOST_INPUT: Final = 32 * 1024 * 1024
"""Characters of their contexts together, as JSON. The statement holds each of them twice."""


@dataclass(frozen=True, slots=True)
class NewSaga:
    """One of many sagas to start; `engine.start` explains the fields."""

    context: Mapping[str, Any]
    saga_id: str | None = None
    start_at: datetime | None = None
    deadline: datetime | None = None
    tags: Iterable[str] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The same, fit for its definition; `text` is its context as JSON, `keys` are the names that it
    needs, each with the number of sagas that may hold it at a time."""

    saga_id: str
    context: dict[str, Any]
    text: str
    digest: str
    keys: dict[str, int]
    start_at: datetime | None
    deadline: datetime | None
    tags: tuple[str, ...]


def wanted(definition: Saga, new: NewSaga) -> Wanted:
    """A start of `definition`; an id is made if it has none. Raises `BadInput`."""
    saga_id = str(uuid.uuid4()) if new.saga_id is None else new.saga_id
    if not is_text(saga_id) or not SAGA_ID.fullmatch(saga_id):
        message = (
            f"use 1 to {SAGA_ID_LENGTH} letters, digits, '.', '_', ':' or '-', and begin with a "
            f"letter or digit."
        )
        raise BadInput({"saga_id": message})
    context = _plain(new.context)
    text = _text_for(definition, context)
    keys = lock_keys(definition, context)
    return Wanted(
        saga_id,
        dict(context),
        text,
        digest(context),
        keys,
        checked_moment("start_at", new.start_at),
        checked_moment("deadline", new.deadline),
        checked_tags(new.tags),
    )


def all_wanted(definition: Saga, sagas: Sequence[NewSaga]) -> list[Wanted]:
    """The same for many. Raises `BadInput`, with each at fault by its place, for bad ones and for
    too many."""
    if len(sagas) > MOST_STARTS:
        raise BadInput({"sagas": f"are {len(sagas):,}, and at most {MOST_STARTS:,} are allowed."})
    found: list[Wanted] = []
    refused: dict[str, str] = {}
    for number, new in enumerate(sagas):
        try:
            found.append(wanted(definition, new))
        except BadInput as error:
            refused |= {f"sagas.{number}.{name}": said for name, said in error.fields.items()}
    if refused:
        raise BadInput(refused)
    if (size := sum(len(each.text) for each in found)) > MOST_INPUT:
        message = f"have {size:,} characters of contexts, and at most {MOST_INPUT:,} are allowed."
        raise BadInput({"sagas": message})
    return found


def checked_context(definition: Saga, context: Mapping[str, Any]) -> str:
    """A context that is fit for `definition`, as JSON. Raises `BadInput`."""
    return _text_for(definition, _plain(context))


def checked_changes(context: object) -> dict[str, Any]:
    """What may stand in a context, made of plain values. Raises `BadInput` for what can't."""
    found = _plain(context)
    _fitting(found)
    return found


def _plain(context: object) -> dict[str, Any]:
    try:
        found = storable(context)
    except NotStorable as error:
        raise _refused(error) from error
    if taken := [key for key in RESERVED if key in found]:
        raise BadInput({f"context.{key}": "is the engine's own key: rename it." for key in taken})
    return found


def _text_for(definition: Saga, context: dict[str, Any]) -> str:
    text = _fitting(context)
    validate(definition, context)
    return text


def _fitting(context: dict[str, Any]) -> str:
    try:
        return fitting_json(context)
    except NotStorable as error:
        raise _refused(error) from error


def _refused(error: NotStorable) -> BadInput:
    return BadInput({below_context(error.path): error.message})


def is_text(value: object) -> bool:
    """By its type: a lazy object says that it is of the class of what it stands for."""
    return issubclass(type(value), str)


def checked_text(**texts: str) -> None:
    """Raises `BadInput`, naming it, for a text that can't be kept."""
    for name, text in texts.items():
        if not is_text(text):
            raise BadInput({name: f"must be a string, and is of type {type(text).__name__}."})
    try:
        storable_json(texts)
    except NotStorable as error:
        raise BadInput({error.path or "text": error.message}) from error


def checked_key(key: str | None) -> str:
    """A signal's key; empty for one without. Raises `BadInput`."""
    if key is None:
        return ""
    checked_text(key=key)
    if not 0 < len(key) <= LONGEST_KEY:
        raise BadInput({"key": f"has {len(key)} characters: use 1 to {LONGEST_KEY}, or no key."})
    return key


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order. Raises `BadInput` for what is no tag, and for too many."""
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise BadInput({"tags": f"must be a list of strings, and is {type(tags).__name__}."})
    found: dict[str, None] = {}
    for tag in tags:
        if not is_text(tag) or not TAG.fullmatch(tag):
            message = "use 1 to 64 letters, digits, '.', '_', ':' or '-', a letter or digit first."
            raise BadInput({"tags": f"{shown(tag)} is not a tag: {message}"})
        found[tag] = None
        if len(found) > MOST_TAGS:
            raise BadInput({"tags": f"are more than {MOST_TAGS}."})
    return tuple(found)


def checked_moment(name: str, moment: datetime | None) -> datetime | None:
    """The same in UTC. Raises `BadInput` for a time without a zone, or one that no calendar here
    reaches."""
    if moment is None:
        return None
    if not issubclass(type(moment), datetime):
        raise BadInput(
            {name: f"must be an aware datetime, and is of type {type(moment).__name__}."}
        )
    if moment.utcoffset() is None:
        raise BadInput({name: "has no time zone. Pass an aware datetime."})
    if not EARLIEST <= moment < LATEST:
        raise BadInput({name: f"is not between {EARLIEST:%Y} and {LATEST:%Y}."})
    return moment.astimezone(UTC)


def locked(definition: Saga, taken: Mapping[str, int]) -> LockHeld:
    """The refusal of an execution that may not wait for others to give up these names."""
    needs = f"{definition.saga_type} needs {', '.join(taken)}, which"
    if set(taken.values()) == {1}:
        return LockHeld(f"{needs} another execution holds. Try again when that one has ended.")
    return LockHeld(f"{needs} other executions hold. Try again when one of them has ended.")


def stricter_than_family(definition: Saga, key: str, own: int, of_family: int) -> BadInput:
    """The refusal of a child that names fewer than its family: others may hold the name by now."""
    return BadInput(
        {
            "limits": f"of {definition.saga_type} give {key!r} the number {own}, and a saga of the "
            f"same family gave it {of_family}: use the same number in both."
        }
    )
