"""A system check of `SAGAS` (`sagas.conf`)."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from sagas.conf import given
from sagas.conf.reference import SETTINGS

VALUE_LIMIT = 80
"""Characters of a value that a message repeats."""


@register
def check_settings(**_: Any) -> list[CheckMessage]:
    """Each key is one that there is, with a value that it can have."""
    if not isinstance(getattr(settings, "SAGAS", {}), Mapping):
        return [Error("SAGAS is not a dict.", hint="Write SAGAS = {…}.", id="sagas.E030")]
    return [
        message for name, value in given().items() if (message := _problem(name, value)) is not None
    ]


def _problem(name: Any, value: Any) -> CheckMessage | None:
    if name not in SETTINGS:
        near = get_close_matches(str(name), SETTINGS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"The keys are: {', '.join(SETTINGS)}."
        return Error(f"SAGAS has no key {name!r}.", hint=hint, id="sagas.E031")
    setting = SETTINGS[name]
    if setting.accepts(value):
        return None
    text = repr(value)
    shown = text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}…"
    return Error(f"SAGAS[{name!r}] is {shown}.", hint=f"Use {setting.expected}.", id="sagas.E032")
