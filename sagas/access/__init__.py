"""The one policy: who may see, start, signal, operate and administer sagas.

Every port asks it: API, sockets, streams, metrics, admin and commands. A project replaces it with
`SAGAS["ACCESS_POLICY"]`.
"""

from sagas.access.policy import (
    OPERATOR,
    Asker,
    Operator,
    Policy,
    policy,
    right_for,
)
from sagas.access.rights import EVERYTHING, Reach, Right, codename
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
    "codename",
    "policy",
    "right_for",
]
