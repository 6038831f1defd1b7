"""`make bench-soak`: load for ten minutes, and whether anything grows that should not.

    python -m bench.soak --minutes 10 --pool prefork

Prints the mean of the first and of the last quarter: of each process' own memory, of the number of
connections to PostgreSQL, of the dead rows that wait for autovacuum. Batches follow each other with
nothing in between; the samples are taken between two of them, once there was load for a minute:
until then processes import, connect and fill their caches.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import psutil
import psycopg

from bench.drivers.driver import STEPS
from bench.processes import Client, Pool, status_of
from bench.rates import count_for, warmed_up
from bench.results import show
from bench.sizes import Sizes
from bench.stage import Stage, stage
from bench.systems import SYSTEMS
from sagas.devserver.interrupts import Interrupts

BATCH_SECONDS: Final = 5.0

WARM_UP: Final = 60.0
"""Seconds of load before the first sample, beside those asked for."""

CONNECTIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
DEAD: Final = """
SELECT relname, n_dead_tup FROM pg_stat_user_tables
WHERE relname IN ('sagas_sagaexecution', 'sagas_sagaevent')
"""

Sample = dict[str, float]


def main() -> int:
    """0: what is too much is for the reader to say."""
    parser = argparse.ArgumentParser("python -m bench.soak")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--pool", default="prefork")
    given = parser.parse_args()
    Pool.parse(given.pool)
    return status_of(partial(run, given.pool, given.minutes))


def run(pool: str, minutes: float, interrupts: Interrupts) -> int:
    """Loads, and prints what has grown."""
    with stage(interrupts) as found, SYSTEMS["engine-run-on"].on_valkey(found, pool) as client:
        samples, sequences = load(found, client, minutes * 60)
    whole = WARM_UP / 60 + minutes
    rate = sequences * STEPS / (whole * 60)
    show(f"{sequences} sagas in {whole:g} minutes, {rate:.0f} steps/s", quarters(samples))
    return 0


def load(stage: Stage, client: Client, seconds: float) -> tuple[list[Sample], int]:
    """What was sampled, and how many sagas there were."""
    count = count_for(warmed_up(client, Sizes()), BATCH_SECONDS)
    warm, samples, sequences = time.monotonic() + WARM_UP, list[Sample](), 0
    while (now := time.monotonic()) < warm + seconds:
        client.ask("batch", count=count)
        sequences += count
        if now >= warm:
            samples.append(sample(stage, client))
        print(".", end="", flush=True)
    print()
    return samples, sequences


def sample(stage: Stage, client: Client) -> Sample:
    """Everything now; memory in MB, by processes that stay the same from sample to sample."""
    found: Sample = {}
    names = ("driver", *client.workers)
    for name, root in zip(names, client.roots, strict=True):
        found |= {f"{name}{suffix}, MB": size for suffix, size in _memory(root).items()}
    postgres, valkey = stage.roots(None)
    found["PostgreSQL, all processes, MB"] = sum(_memory(postgres).values())
    found["Valkey, MB"] = sum(_memory(valkey).values())
    with psycopg.connect(client.database_url) as session:
        found["connections"] = _only(session, CONNECTIONS)
        found |= {f"dead rows of {name}": dead for name, dead in session.execute(DEAD)}
    return found


def _memory(root: int) -> dict[str, float]:
    """MB that a process has for itself alone, and each below it, the oldest first."""
    sizes = {}
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(root)
        family = [process, *sorted(process.children(recursive=True), key=lambda each: each.pid)]
        for number, each in enumerate(family):
            with suppress(psutil.NoSuchProcess):
                sizes[f", child {number}" if number else ""] = each.memory_full_info().uss / 1e6
    return sizes


def _only(session: psycopg.Connection, statement: Any) -> float:
    [value] = session.execute(statement).fetchone() or [0]
    return float(value)


def quarters(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """The means of the first and of the last quarter of the samples, and how they compare."""
    size = max(1, len(samples) // 4)
    rows = []
    for name in samples[0]:
        first, last = (
            sum(each.get(name, 0.0) for each in part) / size
            for part in (samples[:size], samples[-size:])
        )
        rows.append({"of": name, "first": first, "last": last, "ratio": last / (first or 1.0)})
    return rows


if __name__ == "__main__":
    sys.exit(main())
