"""The sagas of the benchmarks. Their steps do nothing: what is measured is everything else."""

from typing import Any

from sagas import Saga, SagaStep, WaitFor


def nothing(context: Any) -> None:
    """No effect."""


# An hour: nobody runs these steps but `bench.transitions`, which takes its time.
ten = Saga("bench_ten", [SagaStep(f"step_{n}", nothing, nothing, timeout=3600) for n in range(10)])

five = Saga("bench_five", [SagaStep(f"step_{n}", nothing, nothing) for n in range(5)])

# What is multiplied into a million finished ones: few events, so that a million fit.
single = Saga("bench_single", [SagaStep("only", nothing)])

# No worker listens to that queue: who claims the step is the one that measures it.
claimed = Saga("bench_claimed", [SagaStep("only", nothing, timeout=600, queue="bench-nobody")])

parked = Saga("bench_parked", [WaitFor("word"), SagaStep("only", nothing)])
