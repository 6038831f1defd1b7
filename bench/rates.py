"""One system measured: throughput, CPU, latency at rest and under load."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

import psycopg

from bench import cpu
from bench.drivers.driver import STEPS
from bench.processes import Client, Failed
from bench.results import Row
from bench.sizes import Options, Sizes
from bench.stage import Broker, Stage
from bench.systems import SYSTEMS, Skipped, System

FEWEST: Final = 20
MOST: Final = 5000
"""Sequences to a measurement: so many that a start or an end that is late does not count, and so
few that a relay or a table does not become the thing that is measured."""

LOAD: Final = 0.5
"""Of the throughput of sequences that are started one by one: half of it is a busy day, and not yet
a backlog."""


@dataclass(frozen=True)
class Measured:
    """Of one batch; `cpu` is in seconds."""

    sequences: int
    seconds: float
    cpu: float

    @property
    def steps_s(self) -> float:
        return self.sequences * STEPS / self.seconds

    @property
    def cpu_s_per_1000(self) -> float:
        return self.cpu / (self.sequences * STEPS) * 1000


def rates(
    stage: Stage, options: Options, broker: Broker | None, say: Callable[[Row], None]
) -> Iterator[Row]:
    """A row for each system and pool on this broker, or without any, measured once. `say` is told
    each."""
    for name in options.systems:
        system = SYSTEMS[name]
        if system.has_broker is not (broker is not None):
            continue
        for pool in system.pools or options.pools:
            row = attempted(stage, options.sizes, system, broker, pool)
            say(row)
            yield row


def attempted(stage: Stage, sizes: Sizes, system: System, broker: Broker | None, pool: str) -> Row:
    """The row of one system; one that is not there, or fails, says why."""
    row = Row(system.name, broker.name if broker else None, pool)
    try:
        with system.running(stage, broker, pool) as client:
            return replace(row, **_row(stage, sizes, client, broker))
    except Skipped as reason:
        return replace(row, skipped=str(reason))
    except Failed as reason:
        return replace(row, failed=str(reason))
    except Exception as error:
        # A fault of the bench itself: the other figures are worth having all the same.
        traceback.print_exc(file=sys.stderr)
        return replace(row, failed=f"{type(error).__name__}: {error}")


def _row(stage: Stage, sizes: Sizes, client: Client, broker: Broker | None) -> dict[str, Any]:
    roots = [*stage.roots(broker), *client.roots]
    rate = warmed_up(client, sizes)
    before = _bytes(client)
    run = measured(client, roots, count_for(rate, sizes.seconds))
    row = {**medians([run]), "bytes_per_saga": round((_bytes(client) - before) / run.sequences)}
    if client.ask("has_sequences"):
        row |= _latencies(sizes, client, run.steps_s)
    return row


def _latencies(sizes: Sizes, client: Client, steps_s: float) -> dict[str, float]:
    client.ask("single", count=5)
    rest = _at_rest(sizes, client)
    found = {"p50_ms": quantile(rest, 0.5), "p95_ms": quantile(rest, 0.95)}
    if sizes.loaded:
        if client.ask("has_bulk"):
            steps_s = _singly(sizes, client)
            found["single_steps_s"] = round(steps_s, 1)
        loaded = client.ask("loaded", rate=steps_s / STEPS * LOAD, seconds=sizes.loaded)
        found["p50_loaded_ms"] = quantile(loaded, 0.5)
        found["p95_loaded_ms"] = quantile(loaded, 0.95)
    return found


def _at_rest(sizes: Sizes, client: Client) -> list[float]:
    """For some seconds: a machine is not as fast in one half of a second as in the next."""
    deadline = time.monotonic() + sizes.at_rest
    latencies: list[float] = client.ask("single", count=sizes.latencies)
    while time.monotonic() < deadline:
        latencies += client.ask("single", count=sizes.latencies)
    return latencies


def _singly(sizes: Sizes, client: Client) -> float:
    """Steps a second of sequences that are started one by one, as those are that make the load:
    half of what it does in bulk may be more than it can take."""
    count = count_for(warmed_up(client, sizes, singly=True), sizes.seconds)
    return count * STEPS / float(client.ask("batch", count=count, singly=True))


def warmed_up(client: Client, sizes: Sizes, **arguments: Any) -> float:
    """Sequences a second, roughly. What starts in bulk is slow in small batches, and in processes
    that are new to it: there the rate of a bulk counts."""
    rate = 0.0
    for count in sizes.warm_up:
        rate = count / client.ask("batch", count=count, **arguments)
        if count > 1 and count / rate > 1.0:
            break
    if client.ask("has_bulk") and not arguments.get("singly"):
        rate = sizes.bulk / client.ask("batch", count=sizes.bulk, **arguments)
    return rate


def count_for(rate: float, seconds: float) -> int:
    """How many sequences take about so long."""
    return int(min(max(rate * seconds, FEWEST), MOST))


def measured(client: Client, roots: list[int], count: int, **arguments: Any) -> Measured:
    """One batch, with what all processes used for it."""
    before = cpu.used(roots)
    seconds = client.ask("batch", count=count, **arguments)
    return Measured(count, seconds, cpu.used(roots) - before)


def medians(runs: Sequence[Measured]) -> dict[str, Any]:
    """What a row says of them; each of the `runs` in steps a second."""
    return {
        "steps_s": round(median(run.steps_s for run in runs), 1),
        "cpu_s_per_1000": round(median(run.cpu_s_per_1000 for run in runs), 2),
        "runs": [round(run.steps_s, 1) for run in runs],
    }


def _bytes(client: Client) -> int:
    """Of its database, on disk."""
    with psycopg.connect(client.database_url) as session:
        statement = "SELECT pg_database_size(current_database())"
        [size] = session.execute(statement).fetchone() or [0]
        return int(size)


def quantile(seconds: Sequence[float], part: float) -> float:
    """In milliseconds, of sorted values the one at that part."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000, 2)
