"""The engine by itself, on Valkey, with the first of the pools that were asked for."""

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from bench.processes import Client
from bench.rates import Measured, count_for, measured, medians, warmed_up
from bench.sizes import Options, Sizes
from bench.stage import Stage, settle
from bench.systems import System, engine


def running(
    stage: Stage, options: Options, workers: int = 1, database_url: str | None = None
) -> AbstractContextManager[Client]:
    """A client of it, on that database or a new one; its workers run on. Without workers nothing is
    done."""
    system = System("engine-run-on", partial(engine, workers=workers))
    return system.on_valkey(stage, options.pools[0], database_url)


def figures(stage: Stage, sizes: Sizes, client: Client, **what: Any) -> dict[str, Any]:
    """Throughput and CPU of five empty steps; `what` is given to each start."""
    return medians(batches(stage, sizes, client, sizes.repeats, **what))


def batches(stage: Stage, sizes: Sizes, client: Client, times: int, **what: Any) -> list[Measured]:
    """So many, one after the other, once it is warm."""
    rate = warmed_up(client, sizes, **what)
    settle(stage.database_url)
    roots = [*stage.roots(None), *client.roots]
    count = count_for(rate, sizes.seconds)
    return [measured(client, roots, count, **what) for _ in range(times)]


def there_and_back(count: int, turns: int) -> list[int]:
    """The numbers below `count` so often, every other time backwards: so a machine that gets
    slower does so for all of them alike."""
    there = range(count)
    return [number for turn in range(turns) for number in (there[::-1] if turn % 2 else there)]
