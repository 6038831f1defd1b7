"""The one policy: who may see, start, signal, operate and administer sagas.

Every port asks it: API, sockets, streams, metrics, admin and commands. A project replaces it with
`SAGAS["ACCESS_POLICY"]`.
"""

from sagas.access.policy import (
    OPERATOR,
    Asker,
    Operator,
    Policy,
    right_for,
)
from sagas.access.rights import EVERYTHING, Reach, Right, codename
from sagas.access.scoped import policy
from sagas.access.scopes import checked_scopes, scopes_of
from sagas.access.tasks import Doers

__all__ = [
    "EVERYTHING",
    "OPERATOR",
    "Asker",
    "Doers",
    "Operator",
    "Policy",
    "Reach",
    "Right",
    "checked_scopes",
    "codename",
    "policy",
    "right_for",
    "scopes_of",
]
