"""A saga of ten steps, each of which does nothing: twenty transitions to look at."""

from typing import Any

from sagas import Saga, SagaStep


def nothing(context: Any) -> None:
    """No effect."""


# An hour: nobody runs these steps but `bench.transitions`, which takes its time.
ten = Saga("bench_ten", [SagaStep(f"step_{n}", nothing, nothing, timeout=3600) for n in range(10)])
