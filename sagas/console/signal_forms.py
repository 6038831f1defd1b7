"""The form of a signal: made of its wait's JSON Schema where that is simple, else one of JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from sagas.console.forms import MOST_REASON, JsonField, ReasonForm

MOST_FIELDS: Final = 20

KEYWORDS: Final = frozenset(
    {"type", "title", "description", "enum", "default", "minLength", "maxLength", "minimum"}
) | {"maximum", "format", "examples", "const", "exclusiveMinimum", "exclusiveMaximum", "pattern"}
"""Of a field. What the fields of a page don't check, the engine does: it has the schema itself."""

OF_OBJECT: Final = frozenset(
    {"type", "title", "description", "properties", "required", "additionalProperties", "$schema"}
) | {"$id", "$comment", "examples"}

UNSAID: Final = ""
"""What a field has that nobody filled in."""


class SignalForm(ReasonForm):
    """Asks for the payload, in fields if its schema is simple. A signal has no reason."""

    def __init__(
        self, data: Any, schema: Mapping[str, Any] | None, initial: dict[str, Any]
    ) -> None:
        super().__init__(data, (), initial)
        del self.fields["reason"]
        self.schema = schema if schema is not None and is_simple(schema) else None
        if self.schema is None:
            self.fields["payload"] = JsonField(
                label=_("Payload"),
                empty=None,
                is_object=False,
                help_text=_("What the wait gets, as JSON. Empty is null."),
            )
            return
        for name, each in self.schema["properties"].items():
            self.fields[f"of.{name}"] = _field(name, each, name in self.schema.get("required", ()))

    def payload(self) -> Any:
        """Of a valid form."""
        if self.schema is None:
            return self.cleaned_data["payload"]
        found = {}
        for name, each in self.schema["properties"].items():
            value = self.cleaned_data[f"of.{name}"]
            if value not in (UNSAID, None):
                found[name] = _as_json(each, value)
        return found


def is_simple(schema: Mapping[str, Any]) -> bool:
    """Whether it is an object of texts, numbers, flags and choices."""
    properties = schema.get("properties")
    return (
        schema.get("type") == "object"
        and schema.keys() <= OF_OBJECT
        and isinstance(properties, Mapping)
        and 0 < len(properties) <= MOST_FIELDS
        and all(
            isinstance(each, Mapping) and _is_simple_field(each) for each in properties.values()
        )
    )


def _is_simple_field(schema: Mapping[str, Any]) -> bool:
    if not schema.keys() <= KEYWORDS:
        return False
    if "enum" in schema:
        options = schema["enum"]
        return isinstance(options, Sequence) and all(isinstance(each, str) for each in options)
    return schema.get("type") in ("string", "integer", "number", "boolean")


def _field(name: str, schema: Mapping[str, Any], is_required: bool) -> forms.Field:
    said: dict[str, Any] = {
        "label": str(schema.get("title") or name),
        "help_text": str(schema.get("description") or ""),
        "required": is_required,
        "initial": schema.get("default"),
    }
    if "enum" in schema:
        options = [(each, each) for each in schema["enum"]]
        return forms.ChoiceField(choices=[("", "–"), *options], **said)
    match schema["type"]:
        case "boolean":
            options = [("", "–"), ("true", _("yes")), ("false", _("no"))]
            said["initial"] = {True: "true", False: "false"}.get(said["initial"])
            return forms.ChoiceField(choices=options, **said)
        case "integer":
            return forms.IntegerField(**said, **_limits(schema))
        case "number":
            return forms.FloatField(**said, **_limits(schema))
        case _:
            most = schema.get("maxLength")
            return forms.CharField(
                max_length=most if isinstance(most, int) else MOST_REASON, **said
            )


def _limits(schema: Mapping[str, Any]) -> dict[str, Any]:
    names = {"minimum": "min_value", "maximum": "max_value"}
    return {names[key]: schema[key] for key in names if isinstance(schema.get(key), int | float)}


def _as_json(schema: Mapping[str, Any], value: Any) -> Any:
    return value == "true" if schema.get("type") == "boolean" and "enum" not in schema else value
