"""How much of everything is measured, and what of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.stage import FOLDER, ROOT, BrokerName

LATEST: Final = ROOT / "bench" / "results" / "latest.json"
PARTIAL: Final = FOLDER / "partial.json"
"""Where the figures of a run go that was not whole: never into the repository."""


@dataclass(frozen=True)
class Sizes:
    """`warm_up` sequences, in batches, for connections, plans and children, and a `bulk` more of
    those that start in bulk; `seconds` for one measurement of throughput, done `repeats` times; so
    many `latencies` at rest, again and again for `at_rest` seconds, and `loaded` seconds of them
    under load; executions that are `finished`, `parked`, or a `backlog`, and so many `turns` of
    each kind, with so many `claims` in a turn; `starts` one by one."""

    warm_up: Sequence[int] = (1, 20, 100)
    bulk: int = 400
    seconds: float = 3.0
    repeats: int = 3
    latencies: int = 40
    at_rest: float = 3.0
    loaded: float = 3.0
    finished: Sequence[int] = (0, 100_000, 1_000_000)
    parked: int = 100_000
    turns: int = 7
    claims: int = 300
    backlog: int = 100_000
    starts: int = 2000


QUICK: Final = Sizes(
    seconds=1.5,
    repeats=1,
    latencies=20,
    at_rest=0.0,
    loaded=0.0,
    finished=(0, 10_000),
    parked=10_000,
    turns=1,
    claims=500,
    backlog=5000,
    starts=500,
)


@dataclass(frozen=True)
class Options:
    sizes: Sizes
    systems: Sequence[str]
    sections: Sequence[str]
    brokers: Sequence[BrokerName]
    pools: Sequence[str]
    out: Path
