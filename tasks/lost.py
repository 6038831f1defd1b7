"""Claims whose process is dead: noted by Celery's main loop, reported by the wake loop's thread.

The main process of a worker learns at once that a child died or reached its hard time limit, in
its event loop (`tasks.step_request`). That loop must not wait for a database, so it only notes the
claim here. The wake loop has a thread and a connection of its own, and reports it within a moment.
A report that fails is not repeated: the lease ends the claim, as it does when a whole worker dies.
"""

import hashlib
import logging
import os
import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from celery.signals import worker_shutdown
from django.db import connection

from sagas import engine
from sagas.machine import Verdict
from tasks.hints import NO_OTHERS, Others, send_again

logger = logging.getLogger(__name__)

DEATH_LIMIT: Final = 2.0
"""Seconds to wait for the end of a process that is being ended. Celery kills it a tenth of a second
after it has told of the hard time limit; one that lives on may still act, so its claim stands."""

DEATH_POLL: Final = 0.02
"""Seconds between two looks at whether a process has ended."""


@dataclass(frozen=True, slots=True)
class LostClaim:
    """The claim that a process made, or would have made, for the message that it took last: of the
    step that it was sent for, or of one that followed it in place.

    `is_ending`: the process is about to be killed, and may be at work until then. `others` are the
    other hints of the message: the claim may be of one of their sagas, too.
    """

    task: str
    execution_id: int
    holder: str
    pid: int
    is_ending: bool
    others: Others = NO_OTHERS


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
    if claim.is_ending and not _has_ended(claim.pid):
        logger.error(
            "%s: process %s lives on beyond its hard time limit; its lease ends the claim.",
            claim.task,
            claim.pid,
        )
        return
    for execution_id in (claim.execution_id, *(told.execution_id for told in claim.others.told)):
        if not _report_one(claim, execution_id):
            return
    if claim.others.told:  # who was not reached yet; the others are done, and no hint does harm
        send_again(claim.task, claim.others)


def _report_one(claim: LostClaim, execution_id: int) -> bool:
    """Whether the database took it."""
    try:
        verdict = engine.lost(execution_id, claim.holder)
    except Exception:
        logger.exception(
            "%s: process %s died, and that could not be reported; its lease ends the claim.",
            claim.task,
            claim.pid,
        )
        connection.close()
        return False
    if verdict is Verdict.ACCEPTED:
        logger.warning("%s: process %s died in the attempt: reported.", claim.task, claim.pid)
    return True


def _has_ended(pid: int) -> bool:
    """Whether a child process has ended, and its parent knows; waits a little for both."""
    deadline = time.monotonic() + DEATH_LIMIT
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except OSError:
            return True
        time.sleep(DEATH_POLL)
    return False


@worker_shutdown.connect
def _report_the_last(**_: object) -> None:
    """While a worker stops, its children may outlive its wake loop."""
    report_noted(0)
    connection.close()
