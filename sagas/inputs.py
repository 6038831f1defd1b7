"""What an execution may be started with. Bad input is refused here, before anything is written."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import DatabaseError, InterfaceError

from sagas.errors import BadInput, Locked, SagaError
from sagas.machine import InvalidInput, Saga
from sagas.machine.context import RESERVED, NotStorable, digest, storable_json
from sagas.machine.failures import name_of, text_of
from sagas.models import LOCK_KEY_LENGTH, SAGA_ID_LENGTH

SAGA_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{SAGA_ID_LENGTH - 1}}}")
"""What a business key may look like: it goes into URLs and HTTP headers as it is."""

ANY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,254}")
"""The same, or a child's, which the engine makes: `~` keeps them apart."""


TAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
MOST_TAGS: Final = 20
"""Of one execution: more is data, and belongs into the context."""

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
    """One of many to be started; what each field means is said at `engine.start`."""

    context: Mapping[str, Any]
    saga_id: str | None = None
    start_at: datetime | None = None
    deadline: datetime | None = None
    tags: Iterable[str] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The same, fit for its definition; `text` is its context as JSON, `keys` its locks."""

    saga_id: str
    context: dict[str, Any]
    text: str
    digest: str
    keys: frozenset[str]
    start_at: datetime | None
    deadline: datetime | None
    tags: tuple[str, ...]


def wanted(definition: Saga, new: NewSaga) -> Wanted:
    """A start of `definition`; an id is made if it has none. Raises `BadInput`."""
    saga_id = str(uuid.uuid4()) if new.saga_id is None else new.saga_id
    text = checked(definition, saga_id, new.context)
    keys = lock_keys(definition, new.context)
    checked_moment("start_at", new.start_at)
    checked_moment("deadline", new.deadline)
    return Wanted(
        saga_id,
        dict(new.context),
        text,
        digest(new.context),
        keys,
        new.start_at,
        new.deadline,
        checked_tags(new.tags),
    )


def all_wanted(definition: Saga, sagas: Sequence[NewSaga]) -> list[Wanted]:
    """The same for many. Raises `BadInput`, with each at fault by its place, for bad ones and for
    too many."""
    if len(sagas) > MOST_STARTS:
        raise BadInput({"sagas": f"are {len(sagas):,}, and {MOST_STARTS:,} are the most."})
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
        message = f"have {size:,} characters of contexts, and {MOST_INPUT:,} are the most."
        raise BadInput({"sagas": message})
    return found


def checked(definition: Saga, saga_id: str, context: Mapping[str, Any]) -> str:
    """An input that is fit for an execution of `definition`, as JSON.

    Raises `BadInput`, naming each field at fault.
    """
    if not isinstance(saga_id, str) or not SAGA_ID.fullmatch(saga_id):
        message = (
            f"use 1 to {SAGA_ID_LENGTH} letters, digits, '.', '_', ':' or '-', and begin with a "
            f"letter or digit."
        )
        raise BadInput({"saga_id": message})
    return checked_context(definition, context)


def checked_context(definition: Saga, context: Mapping[str, Any]) -> str:
    """A context that is fit for `definition`, as JSON. Raises `BadInput`."""
    text = checked_changes(context)
    try:
        if definition.validate is not None:
            _asked("context", definition.validate, context)
    except InvalidInput as error:
        fields = {_below_context(name): message for name, message in error.fields.items()}
        raise BadInput(fields) from error
    return text


def checked_changes(context: Mapping[str, Any]) -> str:
    """What may stand in a context, as JSON. Raises `BadInput` for what can't."""
    if not isinstance(context, Mapping):
        raise BadInput({"context": "must be an object (a mapping of names to values)."})
    if taken := [key for key in RESERVED if key in context]:
        raise BadInput({f"context.{key}": "is the engine's own key: rename it." for key in taken})
    try:
        return storable_json(context)
    except NotStorable as error:
        raise BadInput({_below_context(error.path): error.message}) from error


def checked_text(**texts: str) -> None:
    """Raises `BadInput`, naming it, for a text that can't be kept."""
    try:
        storable_json(texts)
    except NotStorable as error:
        raise BadInput({error.path or "text": error.message}) from error


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order. Raises `BadInput` for what is no tag, and for too many."""
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise BadInput({"tags": f"must be a list of texts, and is {type(tags).__name__}."})
    found = tuple(dict.fromkeys(tags))
    if len(found) > MOST_TAGS:
        raise BadInput({"tags": f"are {len(found)}, and {MOST_TAGS} are the most."})
    for tag in found:
        if not isinstance(tag, str) or not TAG.fullmatch(tag):
            message = "use 1 to 64 letters, digits, '.', '_', ':' or '-', a letter or digit first."
            raise BadInput({"tags": f"{tag!r} is none: {message}"})
    return found


def checked_moment(name: str, moment: datetime | None) -> None:
    """Raises `BadInput` for a time without a zone, or one that no calendar here reaches."""
    if moment is None:
        return
    if moment.utcoffset() is None:
        raise BadInput({name: "has no time zone. Pass an aware datetime."})
    if not EARLIEST <= moment < LATEST:
        raise BadInput({name: f"is not between {EARLIEST:%Y} and {LATEST:%Y}."})


def lock_keys(definition: Saga, context: Mapping[str, Any]) -> frozenset[str]:
    """The names of the locks that an execution needs. Raises `BadInput` for what is none."""
    if definition.locks is None:
        return frozenset()
    keys = frozenset(_asked("locks", definition.locks, context))
    for key in keys:
        if not isinstance(key, str) or not 0 < len(key) <= LOCK_KEY_LENGTH or "\x00" in key:
            message = f"{key!r} is no name: use 1 to {LOCK_KEY_LENGTH} characters, and no NUL."
            raise BadInput({"locks": message})
    return keys


def locked(definition: Saga, taken: Iterable[str]) -> Locked:
    """The refusal of an execution that may not wait for its locks."""
    return Locked(
        f"{definition.saga_type} needs {', '.join(taken)}, which another execution holds. Try "
        f"again when that one has ended."
    )


def _asked(field: str, function: Callable[[Any], Any], context: Mapping[str, Any]) -> Any:
    """What a function of the definition's says. Whatever it raises becomes `BadInput`: a child's is
    asked in a worker (R25). The engine's own errors and the database's stay what they are."""
    try:
        return function(context)
    except (InvalidInput, SagaError, DatabaseError, InterfaceError):
        raise
    except BaseException as error:
        message = f"could not be checked: {name_of(error)}: {text_of(error)}"
        raise BadInput({field: message}) from error


def _below_context(path: str) -> str:
    return f"context.{path}" if path else "context"
