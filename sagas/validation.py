"""What a definition's own functions say of an input: `validate` and `locks`.

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

from sagas.errors import BadInput
from sagas.machine import InvalidInput, Saga
from sagas.models import LOCK_KEY_LENGTH

MOST_FIELDS: Final = 20
"""Named of one input."""

MOST_SAID: Final = 300
"""Characters about one field."""

MOST_LOCKS: Final = 100
"""Of one execution. Each is a row, and is looked at by all who want it."""

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
    if definition.validate is not None:
        with _refusing("validate", context):
            definition.validate(context)


def lock_keys(definition: Saga, context: Mapping[str, Any]) -> frozenset[str]:
    """The names of the locks that an execution needs. Raises `BadInput` for what is none."""
    if definition.locks is None:
        return frozenset()
    with _refusing("locks", context):
        keys: object = definition.locks(context)
        if isinstance(keys, str) or not isinstance(keys, Iterable):
            raise BadInput({"locks": f"are {_text(keys)}: `locks` has to give a list of names."})
        found = list(islice(keys, MOST_LOCKS + 1))
    if len(found) > MOST_LOCKS:
        raise BadInput({"locks": f"are more than {MOST_LOCKS}."})
    for key in found:
        if not isinstance(key, str) or not 0 < len(key) <= LOCK_KEY_LENGTH or not _is_text(key):
            message = f"use 1 to {LOCK_KEY_LENGTH} characters, and no NUL."
            raise BadInput({"locks": f"{_text(key)} is no name: {message}"})
    return frozenset(found)


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
