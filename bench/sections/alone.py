"""The engine by itself, on Valkey, with the first of the pools that were asked for."""

from contextlib import AbstractContextManager
from functools import partial
from statistics import median
from typing import Any

from bench.processes import Client
from bench.rates import count_for, measured, warmed_up
from bench.sizes import Options, Sizes
from bench.stage import Stage, settle
from bench.systems import System, engine


def running(stage: Stage, options: Options, workers: int = 1) -> AbstractContextManager[Client]:
    """A client of it; its workers run on. Without workers nothing is done."""
    system = System("engine-run-on", partial(engine, workers=workers))
    return system.on_valkey(stage, options.pools[0])


def figures(stage: Stage, sizes: Sizes, client: Client, **what: Any) -> dict[str, float]:
    """Throughput and CPU of five empty steps; `what` is given to each start."""
    rate = warmed_up(client, sizes, **what)
    settle(stage.database_url)
    roots = [*stage.roots(None), *client.roots]
    count = count_for(rate, sizes.seconds)
    runs = [measured(client, roots, count, **what) for _ in range(sizes.repeats)]
    return {
        "steps_s": round(median(run.steps_s for run in runs), 1),
        "cpu_s_per_1000": round(median(run.cpu_s_per_1000 for run in runs), 2),
    }
