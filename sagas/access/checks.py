"""A system check of `SAGAS["ACCESS_POLICY"]`."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from sagas.access.policy import Policy
from sagas.conf import conf


@register
def check_policy(**_: Any) -> list[CheckMessage]:
    """It is there, and it is one."""
    path = conf.ACCESS_POLICY
    try:
        found = import_string(path)
    except (ImportError, AttributeError) as error:  # the second for what is no text
        said = f"SAGAS['ACCESS_POLICY'] is {path!r}, which can't be imported: {error}"
    else:
        if isinstance(found, type) and issubclass(found, Policy):
            return []
        said = f"SAGAS['ACCESS_POLICY'] is {path!r}, which is no subclass of sagas.access.Policy."
    hint = "Use the dotted path of a class that inherits from sagas.access.Policy."
    return [Error(said, hint=hint, id="sagas.E033")]
