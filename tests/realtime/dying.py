"""A relay that kills its process at a given point: `python -m tests.realtime.dying URL EXCHANGE
POINT`, where a point is `before`, `middle`, `published` or `marked`."""

import os
import signal
import sys
from collections.abc import Sequence

import django

django.setup()

from sagas.bus import Bus, Message, Publisher  # noqa: E402
from sagas.bus.relay import Relay  # noqa: E402


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(Publisher):
    point = ""

    def publish(self, messages: Sequence[Message], exchange: str = "") -> None:
        if self.point == "before":
            die()
        if self.point == "middle":
            super().publish(messages[: len(messages) // 2])
            die()
        super().publish(messages)
        if self.point == "published":
            die()


if __name__ == "__main__":
    url, exchange, Dying.point = sys.argv[1:]
    Relay(lambda: Dying(Bus(url, exchange))).look()
    die()
