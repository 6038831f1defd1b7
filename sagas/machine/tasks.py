"""What makes a wait a task for a person: who may do it, and until when it should be done."""

import re
from dataclasses import dataclass
from typing import Final

from sagas.machine.conditions import require_path
from sagas.machine.parameters import require_duration, require_flag, wrong

LONGEST_LOGIN: Final = 254
"""Characters of a login: that of an email address."""

_PERMISSION: Final = re.compile(r"[A-Za-z_]\w*\.\S{1,100}")


@dataclass(frozen=True, slots=True)
class Login:
    """The user who logs in by that name, to be the `assignee` of a wait. Raises `DefinitionError`
    for what can't be such a name."""

    name: str

    def __post_init__(self) -> None:
        if not is_login(self.name):
            advice = f"Use the name of a login, of 1 to {LONGEST_LOGIN} characters."
            raise wrong("Login", "name", self.name, advice)


def is_login(value: object) -> bool:
    """Whether it may be the name of a login."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_LOGIN and value.isprintable()


def require_task(
    owner: str, permission: object, assignee: object, four_eyes: object, due: object
) -> None:
    """Raises `DefinitionError` for parameters by which nobody can be asked; None asks nothing."""
    if permission is not None and not (
        isinstance(permission, str) and _PERMISSION.fullmatch(permission)
    ):
        advice = "Use the name of a permission with its app: 'shop.approve_claim'."
        raise wrong(owner, "permission", permission, advice)
    if isinstance(assignee, str):
        require_path(owner, "assignee", assignee)
    elif not isinstance(assignee, Login | None):
        advice = "Use Login('anna'), or name a key of the context: 'owner.manager'."
        raise wrong(owner, "assignee", assignee, advice)
    require_flag(owner, "four_eyes", four_eyes)
    if isinstance(due, str):
        require_path(owner, "due", due)
    elif due is not None:
        require_duration(owner, "due", due)
