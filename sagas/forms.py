"""Forms: what a wait's `form`, a JSON Schema, says of a signal's payload.

jsonschema is an extra: it is imported where there is a form.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from sagas import extras
from sagas.errors import BadInput
from sagas.machine import DefinitionError, Saga, WaitFor
from sagas.machine.repeating import wait_for

MOST_FIELDS: Final = 20
"""Named of one payload."""

MOST_SAID: Final = 300
"""Characters about one field: it may repeat what was sent."""


def check(saga: Saga) -> None:
    """Raises `DefinitionError` for a form that is no JSON Schema, or that refers to something
    outside itself; and `ImproperlyConfigured` if the library that knows forms is missing."""
    for step in saga.by_name.values():
        if isinstance(step, WaitFor) and step.form is not None:
            where = f"Saga {saga.saga_type!r}, step {step.name!r}: the form"
            extras.require("forms", where)
            _require_schema(where, step.form)


def require_fitting(saga: Saga, name: str, payload: object) -> None:
    """Raises `BadInput`, with the path of each field at fault, for a payload that does not fit the
    form of its wait."""
    step = wait_for(saga, name)
    if isinstance(step, WaitFor) and step.form is not None:
        fields: dict[str, str] = {}
        for error in _validator(step.form).iter_errors(payload):
            fields |= _fields(error)
            if len(fields) >= MOST_FIELDS:
                break
        if fields:
            raise BadInput(dict(islice(fields.items(), MOST_FIELDS)))


def _validator(form: Mapping[str, Any]) -> Any:
    """Without a way to fetch anything from elsewhere."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind: Any = validator_for(form, default=Draft202012Validator)
    return kind(form, registry=Registry(), format_checker=kind.FORMAT_CHECKER)


def _fields(error: Any) -> Iterator[tuple[str, str]]:
    path = ["payload", *map(str, error.absolute_path)]
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield ".".join([*path, name]), "is missing."
    else:
        yield ".".join(path), error.message[:MOST_SAID]


def _require_schema(where: str, form: Mapping[str, Any]) -> None:
    from jsonschema import SchemaError
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    try:
        _validator(form).check_schema(form)
    except SchemaError as error:
        at = ".".join(map(str, error.absolute_path)) or "its top"
        raise DefinitionError(f"{where} is no JSON Schema, at {at}: {error.message}") from None
    whole = Resource.from_contents(form, default_specification=DRAFT202012)
    resolver = Registry[Any]().resolver_with_root(whole)
    for reference in _references(form):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            raise DefinitionError(
                f"{where} refers to {reference!r}, which is not in it. Put it below $defs, and "
                "write #/$defs/NAME: nothing is fetched from elsewhere."
            ) from None


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for value in node:
            yield from _references(value)
