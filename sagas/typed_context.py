"""Contexts as objects: a step's function may take a dataclass or a Pydantic model, by the
annotation of its first parameter, and may return one. A saga's `input` may be one, too.

What it takes is validated: a context that does not fit fails the step definitely, before the
function is called. What it returns is dumped as JSON, under its fields' names (or aliases).
Pydantic does both, and is imported only where a function asks for it.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from inspect import signature
from typing import Any, Final

from sagas.machine import DefinitionError, Rejected, Saga
from sagas.machine.context import RESERVED, Context
from sagas.machine.steps import Action

SHOWN: Final = 5
"""Fields at fault that an error names. Its text stands in the row, which keeps 500 characters."""


class InvalidContext(Rejected):
    """The context does not fit the class that a step's function takes. The function was not
    called, so the attempt had no effect; and it would fit no better next time."""


def call(
    action: Action, context: Context, wait_for: Callable[[Awaitable[Any]], Any] | None = None
) -> Any:
    """What `action` returns for `context`: a mapping or None, if it keeps to what actions may
    return. An async action's is what `wait_for` makes of it. Raises what the action does, and
    `InvalidContext`."""
    kind = expected_by(action)
    returned = action(context if kind is None else _validated(kind, context))
    if returned is None or type(returned) is dict:
        return returned
    if wait_for is not None and issubclass(type(returned), Awaitable):
        returned = wait_for(returned)
    return dumped(returned)


def check(saga: Saga) -> None:
    """Raises `DefinitionError` for a function whose class Pydantic can't validate into, so that it
    is known when the saga is, and not when the step runs. The same for the saga's `input`."""
    if saga.input is not None:
        if not _is_class_of_fields(saga.input):
            raise DefinitionError(
                f"Saga {saga.saga_type!r}: input is {saga.input.__name__}, which is neither a "
                "dataclass nor a Pydantic model. Use one of these."
            )
        _checked(f"Saga {saga.saga_type!r}", saga.input)
    for step in saga.claimed_steps:
        for function in (step.action, step.compensation, step.probe):
            kind = None if function is None else expected_by(function)
            if kind is not None:
                _checked(f"Saga {saga.saga_type!r}, step {step.name!r}", kind)


def expected_by(action: Action) -> type | None:
    """The dataclass or model that `action` takes; None if it takes the context itself."""
    try:
        return _expected_by(action)
    except TypeError:  # an object that can't be hashed: looked at each time
        return _expected_by.__wrapped__(action)


@lru_cache(maxsize=1024)
def _expected_by(action: Callable[..., object]) -> type | None:
    try:
        first = next(iter(signature(action, eval_str=True).parameters.values()), None)
    except Exception:  # no signature, or a name that is there for type checkers alone
        return None
    kind = None if first is None else first.annotation
    return kind if isinstance(kind, type) and _is_class_of_fields(kind) else None


def _is_class_of_fields(kind: type) -> bool:
    pydantic = sys.modules.get("pydantic")  # without it nothing is a model
    is_model = pydantic is not None and issubclass(kind, pydantic.BaseModel)
    return is_model or is_dataclass(kind)


def dumped(returned: object) -> object:
    """The fields of a dataclass or a model, as JSON has them, but for the keys that are the
    engine's; anything else as it is."""
    kind: type = type(returned)
    if returned is None or kind is dict or not _is_class_of_fields(kind):
        return returned
    found = _adapter(kind).dump_python(returned, mode="json", by_alias=True)
    return {key: value for key, value in found.items() if key not in RESERVED}


def _validated(kind: type, context: Context) -> object:
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(dict(context))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        told = [
            f"{'.'.join(['context', *map(str, fault['loc'])])}: {fault['msg']}"
            for fault in faults[:SHOWN]
        ]
        if len(faults) > SHOWN:
            told.append(f"and {len(faults) - SHOWN} more")
        raise InvalidContext(
            f"{kind.__name__} can't be made from the context. {'; '.join(told)}"
        ) from None


def validate(kind: type, value: Mapping[str, Any]) -> None:
    """Raises Pydantic's ValidationError for what does not fit the dataclass or model."""
    _adapter(kind).validate_python(dict(value))


def schema_of(kind: type) -> dict[str, Any]:
    """The JSON Schema (2020-12) of what fits a dataclass or a model."""
    found: dict[str, Any] = _adapter(kind).json_schema(by_alias=True, mode="validation")
    return found


def _checked(owner: str, kind: type) -> None:
    try:
        _adapter(kind)
    except ImportError as error:
        raise DefinitionError(
            f"{owner} takes a {kind.__name__}, which needs Pydantic: install pydantic, or take the "
            f"context itself, a dict."
        ) from error
    except Exception as error:
        raise DefinitionError(
            f"{owner} takes a {kind.__name__}, which Pydantic can't validate: {error}"
        ) from error


@lru_cache(maxsize=1024)
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
