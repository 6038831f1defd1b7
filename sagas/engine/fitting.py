"""Which definition an execution goes on by in this process, and the word that there is none (S12).

Every way in asks here: claims, reports, looks, operators, signals, parents and children.
"""

import logging
import time
from typing import Final

from sagas.machine import Saga
from sagas.registry import registry
from sagas.store.executions import ExecutionSnapshot

logger = logging.getLogger(__name__)

TELL_INTERVAL: Final = 60.0
"""Seconds between two lines on executions of one structure: every hint for each of them comes here,
and the first has said it all."""

MOST_TOLD: Final = 1000
"""Structures that are remembered as told of."""


def fitting(row: ExecutionSnapshot) -> Saga | None:
    """The definition, if it is known here and has the structure that the execution was started
    with; without it the execution is left alone."""
    state = row.state
    found = registry.fitting(state.saga_type, state.version, row.digest)
    if found is None:
        _tell(state.saga_id, state.saga_type, state.version, row.digest)
    return found


def _tell(saga_id: str, saga_type: str, version: int, digest: str) -> None:
    known = registry.find(saga_type, version)
    kind = saga_type, version, digest, "" if known is None else known.digest
    now = time.monotonic()
    if now - _told.get(kind, -TELL_INTERVAL) < TELL_INTERVAL:
        return
    if len(_told) >= MOST_TOLD:
        _told.clear()
    _told[kind] = now
    logger.warning("%s", registry.why_unfit(saga_id, saga_type, version, digest))


_told: dict[tuple[str, int, str, str], float] = {}
