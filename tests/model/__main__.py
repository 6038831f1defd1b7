"""Walks every shape of a saga under every combination of faults; exits with 1 on a violation."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from functools import partial
from multiprocessing import Pool
from time import perf_counter

from tests.model.constructs import all_shapes
from tests.model.walk import Result, walk

LINE = "{:<16} {:>8} {:>9} {:>12} {:>8}"


def main(arguments: Sequence[str]) -> int:
    shapes = {shape.name: shape for shape in all_shapes()}
    options = ArgumentParser(prog="python -m tests.model", description=__doc__)
    options.add_argument("--shape", metavar="NAME", help="one shape alone, such as [a/b].C_")
    options.add_argument("--faults", type=int, default=2, metavar="N", help="in a run; default: 2")
    options.add_argument("--processes", type=int, default=os.cpu_count(), metavar="N")
    chosen = options.parse_args(arguments)
    if chosen.shape is not None and chosen.shape not in shapes:
        options.error(f"there is no shape {chosen.shape}; there are {' '.join(shapes)}")
    named = [shapes[chosen.shape]] if chosen.shape else list(shapes.values())
    with Pool(chosen.processes) as pool:
        return report(pool.imap(partial(walk, faults=chosen.faults), named))


def report(results: Iterable[Result]) -> int:
    """Prints each result as it comes, up to the first violation; the exit code."""
    began = perf_counter()
    seen: list[Result] = []
    print(LINE.format("shape", "rows", "states", "transitions", "seconds"))
    for result in results:
        seen.append(result)
        _print_line(result.shape, [result], result.seconds)
        if result.clause:
            print(f"\nViolated in {result.shape}: {result.clause}\n\n{result.trace}")
            return 1
    _print_line(f"{len(seen)} shapes", seen, perf_counter() - began)
    return 0


def _print_line(name: str, results: Sequence[Result], seconds: float) -> None:
    sums = [
        sum(getattr(result, count) for result in results)
        for count in ("rows", "states", "transitions")
    ]
    print(LINE.format(name, *sums, f"{seconds:.1f}"), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
