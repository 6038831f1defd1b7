"""What an execution may be started with. Bad input is refused here, before anything is written."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sagas.errors import BadInput, Locked
from sagas.machine import InvalidInput, Saga
from sagas.machine.context import RESERVED, NotStorable, digest, storable_json
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


def checked(definition: Saga, saga_id: str, context: Mapping[str, Any]) -> str:
    """The digest of an input that is fit for an execution of `definition`.

    Raises `BadInput`, naming each field at fault.
    """
    if not SAGA_ID.fullmatch(saga_id):
        message = (
            f"use 1 to {SAGA_ID_LENGTH} letters, digits, '.', '_', ':' or '-', and begin with a "
            f"letter or digit."
        )
        raise BadInput({"saga_id": message})
    return checked_context(definition, context)


def checked_context(definition: Saga, context: Mapping[str, Any]) -> str:
    """The digest of a context that is fit for `definition`. Raises `BadInput`."""
    checked_changes(context)
    try:
        if definition.validate is not None:
            definition.validate(context)
    except InvalidInput as error:
        fields = {_below_context(name): message for name, message in error.fields.items()}
        raise BadInput(fields) from error
    return digest(context)


def checked_changes(context: Mapping[str, Any]) -> None:
    """Raises `BadInput` for what can't stand in a context."""
    if not isinstance(context, Mapping):
        raise BadInput({"context": "must be an object (a mapping of names to values)."})
    if taken := [key for key in RESERVED if key in context]:
        raise BadInput({f"context.{key}": "is the engine's own key: rename it." for key in taken})
    try:
        storable_json(context)
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
    if isinstance(tags, str):
        raise BadInput({"tags": "must be a list of texts, and is one text."})
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
    keys = frozenset(definition.locks(context))
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


def _below_context(path: str) -> str:
    return f"context.{path}" if path else "context"
