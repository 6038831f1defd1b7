"""Handlers of real processes. What they do is a row: `effects` counts them."""

import os
import signal
import time
from uuid import uuid4

from django.contrib.auth.models import Group
from django.db import transaction

from sagas.bus import dead_letters
from sagas.bus.events import Event, on_event

dead_letters.PAUSES = (0.1, 0.1)  # type: ignore[misc]  # of a test
dead_letters.LEASE = 0.5  # type: ignore[misc]


def leave_effect(event: Event) -> None:
    Group.objects.create(name=f"{event.id} {uuid4()}")


def effects(event_id: str = "") -> int:
    """How often the event had its effect."""
    return Group.objects.filter(name__startswith=f"{event_id} " if event_id else "").count()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@on_event("probe.#", name="probe", max_tries=3)
def do(event: Event) -> None:
    leave_effect(event)
    match event.data:
        case "die" if not os.environ.get("PROBE_LIVES"):
            die()
        case "die after the commit" if not os.environ.get("PROBE_LIVES"):
            transaction.on_commit(die)
        case {"sleep": seconds}:
            print("asleep", flush=True)
            time.sleep(seconds)
        case _:
            pass
