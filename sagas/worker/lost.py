"""Claims whose process is dead: noted by Celery's main loop, reported by the wake loop's thread.

The main process of a worker learns at once that a child died, in its event loop
(`sagas.worker.step_request`). That loop must not wait for a database, so it only notes the
claim here. The wake loop has a thread and a connection of its own, and reports it within a moment.
A report that fails is not repeated: the lease ends the claim, as it does when a whole worker dies.
"""

import hashlib
import logging
import os
import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from celery.signals import worker_shutdown
from django.db import connection

from sagas import engine
from sagas.machine import Progress, Verdict
from sagas.worker.attempts import Attempts, key
from sagas.worker.hints import NO_OTHER_HINTS, OtherHints, send_again

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LostClaim:
    """The claims that a process made, or would have made, for the message that it took last: of
    the step that it was sent for, or of one that followed it in place.

    `attempts` tells how far each got, if that is known. `others` are the other hints of the
    message: claims may be of their sagas, too.
    """

    task: str
    execution_id: int
    holder: str
    pid: int
    attempts: Attempts | None = None
    others: OtherHints = NO_OTHER_HINTS


_noted: Final[SimpleQueue[LostClaim | None]] = SimpleQueue()


def holder_in(task_id: object, hostname: str) -> str | None:
    """The holder to claim with in this process; None if its parent could not tell two apart."""
    if threading.current_thread() is not threading.main_thread():
        return None  # a pool of threads: one process, many claims
    return holder_of(task_id, hostname, os.getpid())


def holder_of(task_id: object, hostname: str, pid: int) -> str:
    """What a child and its parent both call the claim that the child makes for a message.

    Hashed: the id is whatever the message says it is, in any length, and the events that keep the
    holder are shown to people who need not know the names of machines.
    """
    name = f"{task_id!a}@{hostname}:{pid}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def note(claim: LostClaim) -> None:
    """Leaves a claim to be reported. Returns at once; from any thread."""
    _noted.put(claim)


def wake_reporter() -> None:
    """Ends the wait of `report_noted`."""
    _noted.put(None)


def report_noted(wait: float) -> None:
    """Reports what was noted; waits for `wait` seconds if nothing was."""
    try:
        claim = _noted.get(timeout=wait)
        while True:
            if claim is not None:
                _report(claim)
            claim = _noted.get_nowait()
    except Empty:
        return


def _report(claim: LostClaim) -> None:
    """Never raises: nothing that follows may depend on it."""
    for execution_id in (claim.execution_id, *(told.execution_id for told in claim.others.told)):
        if not _report_one(claim, execution_id):
            return
    if claim.others.told:  # who was not reached yet; the others are done, and no hint does harm
        send_again(claim.task, claim.others)


def _report_one(claim: LostClaim, execution_id: int) -> bool:
    """Whether the database took it."""

    def progress(step: str, fence: int) -> Progress:
        if claim.attempts is None:
            return Progress.UNKNOWN
        return claim.attempts.get(key(execution_id, step, fence), Progress.NOT_BEGUN)

    try:
        verdict = engine.lost(execution_id, claim.holder, progress)
    except Exception:
        logger.exception(
            "%s: process %s died, and that could not be reported; its lease ends the claim.",
            claim.task,
            claim.pid,
        )
        connection.close()
        return False
    if verdict is Verdict.ACCEPTED:
        logger.warning("%s: process %s died with its claim: reported.", claim.task, claim.pid)
    return True


@worker_shutdown.connect
def _report_the_last(**_: object) -> None:
    """While a worker stops, its children may outlive its wake loop."""
    report_noted(0)
    connection.close()
