"""The one process of a pool of threads: the actions of many messages run in it side by side, but
for those that go alone (S14)."""

import threading
import time
from typing import Final

PATIENCE: Final = 30.0
"""Seconds for which whoever goes alone waits for those that run, while nothing new begins; and the
others for it. Who takes longer has company, after all: a worker must not stand still for ever."""


class Room:
    """Each message is inside while it is at work; one of them may have it for itself."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_taken = False

    def enter(self) -> None:
        """Waits while somebody has it alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken, PATIENCE)
            self._inside += 1

    def leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def be_alone(self) -> None:
        """For one that is inside: it has left, and comes back when all others have left."""
        deadline = time.monotonic() + PATIENCE
        self.leave()
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken, PATIENCE)
            self._is_taken = True
            self._changed.wait_for(lambda: not self._inside, deadline - time.monotonic())
            self._inside += 1

    def let_in(self) -> None:
        """Ends that."""
        with self._changed:
            self._is_taken = False
            self._changed.notify_all()


ROOM: Final = Room()
