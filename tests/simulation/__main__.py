"""The simulation's command line."""

import argparse
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sagas.devserver.interrupts import Interrupts
from tests.servers import quick_servers
from tests.simulation.processes import SAGAS_PER_WORLD, play_worlds, set_up_django
from tests.simulation.trace import joined

FOLDER: Final = Path(__file__).resolve().parent.parent.parent / ".local" / "simulation"
INTERRUPTED: Final = 130


@dataclass(frozen=True)
class Options:
    seed: int
    sagas: int
    processes: int
    trace: Path | None


def main() -> int:
    """Plays as many worlds as asked for; 0 if each was as it must be, and each race occurred."""
    options = _read_options()
    try:
        with Interrupts() as interrupts, quick_servers(FOLDER, interrupts=interrupts) as found:
            return _run(options, found.database_url, found.redis_url)
    except KeyboardInterrupt:
        print("Stopped; no database and no process is left.", file=sys.stderr)
        return INTERRUPTED


def _run(options: Options, database_url: str, redis_url: str) -> int:
    set_up_django(database_url, redis_url)  # so that what comes out of the processes can be read
    began = time.monotonic()
    digests: list[str] = []
    ends: Counter[str] = Counter()
    races: Counter[str] = Counter()
    sizes = _sizes(options.sagas)
    worlds = [(options.seed + number, size) for number, size in enumerate(sizes)]
    if options.trace:
        options.trace.write_text("")
    with closing(play_worlds(worlds, options.processes, database_url, redis_url)) as outcomes:
        for outcome in outcomes:
            if options.trace:
                with options.trace.open("a") as file:
                    file.write("\n".join([f"world of seed {outcome.seed}", *outcome.lines, ""]))
            if outcome.violation:
                print(outcome.violation, file=sys.stderr)
                return 1
            digests.append(outcome.digest)
            ends += outcome.ends
            races += outcome.races
    _tell(options, ends, races, digests, time.monotonic() - began)
    return _judge(races)


def _sizes(sagas: int) -> list[int]:
    """How many sagas each world has."""
    whole, rest = divmod(sagas, SAGAS_PER_WORLD)
    return [SAGAS_PER_WORLD] * whole + ([rest] if rest else [])


def _tell(
    options: Options,
    ends: Counter[str],
    races: Counter[str],
    digests: list[str],
    seconds: float,
) -> None:
    from tests.simulation.races import ELSEWHERE, RACES

    print(f"{options.sagas} sagas in {seconds:.0f} s, {options.sagas / seconds:.0f} a second:")
    print(", ".join(f"{count} {status}" for status, count in sorted(ends.items())))
    for race, meaning in RACES.items():
        print(f"{races[race]:7}  {race:26} {meaning}")
    print(ELSEWHERE)
    print(f"hash {joined(digests)}")


def _judge(races: Counter[str]) -> int:
    from tests.simulation.races import unseen

    if missing := unseen(races):
        print(f"These races did not occur: {', '.join(missing)}.", file=sys.stderr)
    return 1 if missing else 0


def _read_options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description="Play random sagas through all the faults that the contract names.",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first world (default: 1)")
    parser.add_argument("--sagas", type=int, default=1000, help="in all (default: 1000)")
    parser.add_argument("--processes", type=int, default=2, help="side by side (default: 2)")
    parser.add_argument("--trace", type=Path, help="a file for every line of what happened")
    given = parser.parse_args()
    return Options(given.seed, given.sagas, given.processes, given.trace)


if __name__ == "__main__":
    sys.exit(main())
