"""Makes transitions at an even rate: `python -m bench.transitions --sagas 1000 --rate 50`.

It is worker and starter in one, without a broker: what is measured is the way from a commit to
whoever watches. Prints a line `execution_id last_seq time` for each commit, the time in seconds
since 1970, taken before the commit's push is sent.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Starts the sagas, says `started`, waits for a line, and drives them."""
    parser = argparse.ArgumentParser(description="Make transitions at an even rate.")
    parser.add_argument("--sagas", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="Transitions a second.")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--prefix", default="bench")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    from sagas.listeners import listen

    hints: dict[int, Any] = {}

    def record(told: Any) -> None:
        now = time.time()
        for committed in told:
            print(committed.execution_id, committed.last_seq, now, flush=True)
            for hint in committed.hints:
                hints[committed.execution_id] = hint

    listen(record)  # before Django's apps add theirs: it takes the time first
    import django

    django.setup()
    start(options.prefix, options.sagas)
    print("started", flush=True)
    sys.stdin.readline()
    drive(hints, options.rate, options.seconds, random.Random(options.seed))  # noqa: S311


def start(prefix: str, count: int) -> None:
    """So many sagas, `prefix-0` and on."""
    from django.db import transaction

    from sagas import engine

    with transaction.atomic():
        for number in range(count):
            engine.start("bench_ten", {}, saga_id=f"{prefix}-{number}")


def drive(hints: dict[int, Any], rate: float, seconds: float, chance: random.Random) -> None:
    """One transition of a random saga after the other: a claim or a success."""
    from sagas import engine

    works: dict[int, Any] = {}
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        ready = sorted({*hints, *works})
        if not ready:
            return
        pk = chance.choice(ready)
        if pk in works:
            engine.succeed(works.pop(pk), None)
        else:
            hint = hints.pop(pk)
            works[pk] = engine.claim(pk, hint.step, hint.direction, hint.fence)
        sleep_until(began + (number + 1) / rate, time.monotonic)


def sleep_until(moment: float, clock: Callable[[], float]) -> None:
    """Or not at all, if it is past."""
    time.sleep(max(0.0, moment - clock()))


if __name__ == "__main__":
    main()
