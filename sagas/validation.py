"""What a definition says of an input: its `input`, and its functions `validate`, `locks`, `limits`.

Whatever they raise refuses the input, and the field at fault is named where it can be told. But for
the database's errors: inside a transaction nothing can be done after them, and a lost connection is
no fault of the input.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection
from pydantic import ValidationError as ModelError

from sagas import typed_context
from sagas.errors import BadInput
from sagas.machine import InvalidInput, Saga
from sagas.models import LOCK_KEY_LENGTH

MOST_FIELDS: Final = 20
"""Named of one input."""

MOST_SAID: Final = 300
"""Characters about one field."""

MOST_LOCKS: Final = 100
"""Of one execution, its limits included. Each is a row, and is looked at by all who want it."""

HIGHEST_LIMIT: Final = 10_000
"""Sagas that hold one name at a time. All of them are looked at when one ends."""

SPEAKING: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What says something of the input. The text of others may be about the server."""


def validate(definition: Saga, context: Mapping[str, Any]) -> None:
    """Raises `BadInput` if the definition refuses the context as an input."""
    if definition.input is not None:
        with _refusing("input", context):
            typed_context.validate(definition.input, context)
    if definition.validate is not None:
        with _refusing("validate", context):
            definition.validate(context)


def lock_keys(definition: Saga, context: Mapping[str, Any]) -> dict[str, int]:
    """The names that an execution needs, each with the number of sagas that may hold it at a time:
    1 for a lock. Raises `BadInput` for what is none."""
    locks = {} if definition.locks is None else _locks(definition.locks, context)
    if definition.limits is None:
        return locks
    limits = _limits(definition.limits, context)
    if both := sorted(locks.keys() & limits.keys()):
        raise BadInput({"limits": f"name {both[0]!r}, and so does `locks`: leave it out of one."})
    if len(locks) + len(limits) > MOST_LOCKS:
        raise BadInput({"limits": f"are more than {MOST_LOCKS}, together with the locks."})
    return locks | limits


def _locks(
    function: Callable[[Mapping[str, Any]], Iterable[str]], context: Mapping[str, Any]
) -> dict[str, int]:
    with _refusing("locks", context):
        keys: object = function(context)
        if isinstance(keys, str) or not isinstance(keys, Iterable):
            raise BadInput({"locks": f"are {_text(keys)}: `locks` has to return a list of names."})
        found = list(islice(keys, MOST_LOCKS + 1))
    if len(found) > MOST_LOCKS:
        raise BadInput({"locks": f"are more than {MOST_LOCKS}."})
    for key in found:
        _require_name("locks", key)
    return dict.fromkeys(found, 1)


def _limits(
    function: Callable[[Mapping[str, Any]], Mapping[str, int]], context: Mapping[str, Any]
) -> dict[str, int]:
    with _refusing("limits", context):
        limits: object = function(context)
        if not isinstance(limits, Mapping):
            message = "`limits` has to return a dict of names and whole numbers."
            raise BadInput({"limits": f"are {_text(limits)}: {message}"})
        found: dict[str, int] = dict(islice(limits.items(), MOST_LOCKS + 1))
    if len(found) > MOST_LOCKS:
        raise BadInput({"limits": f"are more than {MOST_LOCKS}."})
    for key, most in found.items():
        _require_name("limits", key)
        if type(most) is not int or not 0 < most <= HIGHEST_LIMIT:
            message = f"use a whole number from 1 to {HIGHEST_LIMIT:,}."
            raise BadInput({"limits": f"give {key!r} the number {_text(most)}: {message}"})
    return found


def _require_name(function: str, key: object) -> None:
    if not isinstance(key, str) or not 0 < len(key) <= LOCK_KEY_LENGTH or not _is_text(key):
        message = f"use 1 to {LOCK_KEY_LENGTH} characters, and no NUL."
        raise BadInput({function: f"{_text(key)} is not a name: {message}"})


@contextmanager
def _refusing(function: str, context: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except (BadInput, KeyboardInterrupt):
        raise
    except BaseException as error:  # a child's is asked in a worker (R25)
        if isinstance(error, DatabaseError) and (
            isinstance(error, OperationalError | InterfaceError) or connection.in_atomic_block
        ):
            raise
        fields = dict(islice(_fields(function, context, error), MOST_FIELDS))
        raise BadInput(fields or {"context": f"`{function}` refuses it."}) from error


def _fields(
    function: str, context: Mapping[str, Any], error: BaseException
) -> Iterator[tuple[str, str]]:
    """The path of each field at fault, and a sentence about it."""
    match error:
        case InvalidInput(fields=fields):
            for name, message in fields.items():
                yield below_context(_text(name, str)), _text(message, str)
        case ModelError():
            for each in error.errors(include_url=False, include_input=False, include_context=False):
                yield below_context(".".join(map(str, each["loc"]))), _text(each["msg"], str)
        case ValidationError() if hasattr(error, "error_dict"):
            for name, messages in error.message_dict.items():
                yield below_context(_text(name, str)), _text(" ".join(messages), str)
        case ValidationError():
            yield "context", _text(" ".join(error.messages), str)
        case KeyError(args=[str() as key]) if key not in context:
            yield below_context(_text(key, str)), f"is missing: `{function}` asks for it."
        case _:
            said = f": {_text(error, str)}" if isinstance(error, SPEAKING) else ""
            yield "context", f"`{function}` raises {type(error).__name__}{said}."


def below_context(path: str) -> str:
    """The path of a context's field in a request."""
    return f"context.{path}" if path else "context"


def _is_text(key: str) -> bool:
    return "\x00" not in key and key.encode(errors="replace").decode() == key


def _text(value: object, kind: Callable[[object], str] = repr) -> str:
    try:
        return kind(value)[:MOST_SAID]
    except BaseException:  # of its own methods
        return f"a {type(value).__name__}"
