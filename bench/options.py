"""How much of everything is measured, and what of it: the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.processes import Pool
from bench.sections import SECTIONS
from bench.sizes import LATEST, PARTIAL, QUICK, Options, Sizes
from bench.stage import BROKERS
from bench.systems import SYSTEMS

POOLS: Final = ("prefork", "threads")


def parse(arguments: Sequence[str]) -> Options:
    """What to do. A run that leaves anything out writes nothing into the repository."""
    parser = argparse.ArgumentParser(
        "python -m bench", description="Measure the engine and others."
    )
    parser.add_argument("--quick", action="store_true", help="Small sizes, each figure once.")
    known = [*SYSTEMS, *SECTIONS]
    parser.add_argument("--only", help=f"With commas between them: {', '.join(known)}.")
    parser.add_argument("--broker", help="valkey or rabbitmq; both by default.")
    parser.add_argument("--pool", help="prefork, threads or, with a size, threads-8.")
    parser.add_argument("--out", type=Path, help="Where the JSON goes.")
    given = parser.parse_args(arguments)
    only = given.only.split(",") if given.only else known
    brokers = [each for each in BROKERS if given.broker in (None, each)]
    if unknown := set(only) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    if not brokers:
        parser.error(f"there is no broker {given.broker}; there are {', '.join(BROKERS)}.")
    pools = given.pool.split(",") if given.pool else list(POOLS)
    try:
        list(map(Pool.parse, pools))
    except ValueError as error:
        parser.error(str(error))
    is_whole = not (given.quick or given.only or given.broker or given.pool)
    return Options(
        QUICK if given.quick else Sizes(),
        [name for name in SYSTEMS if name in only],
        [name for name in SECTIONS if name in only],
        brokers,
        pools,
        given.out or (LATEST if is_whole else PARTIAL),
    )
