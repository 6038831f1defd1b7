"""What an execution may be started with. Bad input is refused here, before anything is written."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sagas.errors import BadInput
from sagas.machine import InvalidInput, Saga
from sagas.machine.context import RESERVED, NotStorable, digest, storable_json
from sagas.models import SAGA_ID_LENGTH

SAGA_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{SAGA_ID_LENGTH - 1}}}")
"""What a business key may look like: it goes into URLs and HTTP headers as it is."""


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
    if not isinstance(context, Mapping):
        raise BadInput({"context": "must be an object (a mapping of names to values)."})
    if taken := [key for key in RESERVED if key in context]:
        raise BadInput({f"context.{key}": "is the engine's own key: rename it." for key in taken})
    try:
        storable_json(context)
        if definition.validate is not None:
            definition.validate(context)
    except NotStorable as error:
        raise BadInput({_below_context(error.path): error.message}) from error
    except InvalidInput as error:
        fields = {_below_context(name): message for name, message in error.fields.items()}
        raise BadInput(fields) from error
    return digest(context)


def _below_context(path: str) -> str:
    return f"context.{path}" if path else "context"
