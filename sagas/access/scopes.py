"""What a token may be used for: less than its user may do, never more.

A scope is a right, for sagas of every type (`view`) or of one (`operate:shop`). A right includes
those that Django's permission of that name includes.
"""

import re
from collections.abc import Iterable, Set
from typing import Any, Final

from sagas.access.rights import APP, EVERYTHING, Reach, Right, codename, reach_of
from sagas.errors import BadInput
from sagas.machine.parameters import NAME

MOST_SCOPES: Final = 50

_SCOPE: Final = re.compile(rf"({'|'.join(Right)})(:{NAME.pattern})?")


def checked_scopes(given: Iterable[str]) -> list[str]:
    """Each once. Raises `BadInput` for what is no scope."""
    scopes = list(dict.fromkeys(given))
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            rights = ", ".join(Right)
            raise BadInput({"scope": f"{scope!r} is no scope. Use one of {rights}, or view:shop."})
    if len(scopes) > MOST_SCOPES:
        raise BadInput({"scope": f"There are {len(scopes)}; {MOST_SCOPES} are allowed."})
    return scopes


def scopes_of(user: Any) -> frozenset[str] | None:
    """Of the token that `user` has come with; None for one without limits, and for a session."""
    return getattr(user, "saga_scopes", None)


def within_scopes(user: Any, right: Right) -> Reach:
    """For which types of sagas the token of `user` may be used so."""
    scopes = scopes_of(user)
    return EVERYTHING if scopes is None else _reach(scopes, right)


def _reach(scopes: Set[str], right: Right) -> Reach:
    parts = (scope.partition(":") for scope in scopes)
    held = {f"{APP}.{codename(Right(each), saga_type or None)}" for each, _, saga_type in parts}
    return reach_of(held, right)
