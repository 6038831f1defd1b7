"""Starts many sagas of one short step: `python -m tests.system.filling COUNT SECONDS NAME`."""

import sys
from typing import Final

BATCH: Final = 500
"""Sagas to a transaction."""


def fill(count: int, seconds: float, name: str) -> None:
    """As a customer's batch job would: their hints go out when each batch is committed."""
    from django.db import transaction

    from sagas import engine

    for first in range(0, count, BATCH):
        with transaction.atomic():
            for number in range(first, min(first + BATCH, count)):
                engine.start("heap", {"seconds": seconds}, saga_id=f"{name}-{number}")


if __name__ == "__main__":
    import django

    django.setup()
    fill(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
