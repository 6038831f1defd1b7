"""Sows each fault into a copy of the source and runs the tests that should catch it; exits with 1
if one survives."""

import os
import random
import sys
from argparse import ArgumentParser
from collections.abc import Collection, Sequence
from time import perf_counter
from typing import Final

from tests.mutation.fault import ROOT, Fault, Stale
from tests.mutation.faults import FAULTS
from tests.mutation.page import PAGE, catchers, mutations_page
from tests.mutation.trial import Outcome
from tests.mutation.yard import Yard, yard

LINE: Final = "{:<72} {:<12} {:>7}  {}"


def main(arguments: Sequence[str]) -> int:
    options = ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    options.add_argument("--only", metavar="NAME", help="the faults whose name contains this")
    options.add_argument("--sample", type=int, metavar="N", help="so many of them, by chance")
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N")
    options.add_argument("--write", action="store_true", help=f"the table to {PAGE.name}, too")
    chosen = options.parse_args(arguments)
    wanted = (chosen.only or "").lower()
    faults = [fault for fault in FAULTS if wanted in fault.name.lower()]
    if not faults:
        options.error(f"no fault's name contains {chosen.only!r}.")
    if chosen.sample is not None and chosen.sample < 1:
        options.error(f"--sample is {chosen.sample}: give 1 or more.")
    if chosen.write and (chosen.only or chosen.sample):
        options.error("--write writes the whole table: leave out --only and --sample.")
    if chosen.sample is not None:
        faults = random.sample(faults, min(chosen.sample, len(faults)))
    try:
        for fault in faults:
            fault.sown_in(ROOT)
    except Stale as stale:
        print(stale, file=sys.stderr)
        return 2
    return _run(faults, chosen.processes, write=chosen.write)


def _run(faults: Sequence[Fault], processes: int, *, write: bool) -> int:
    began = perf_counter()
    outcomes = {}
    with yard(processes) as trials:
        print(LINE.format("fault", "clause", "seconds", "caught by"))
        for fault, outcome in trials.try_each(faults, catchers(PAGE.read_text())):
            outcomes[fault.name] = outcome
            answer = outcome.caught_by or ("DID NOT RUN" if outcome.trouble else "NO TEST")
            line = LINE.format(fault.name, fault.clause, f"{outcome.seconds:.1f}", answer)
            print(line, flush=True)
        is_sound = _are_sound(trials, {outcome.caught_by for outcome in outcomes.values()} - {""})
    survivors = [fault for fault in faults if not outcomes[fault.name].caught_by]
    for fault in survivors:
        _print_survivor(fault, outcomes[fault.name])
    caught = len(faults) - len(survivors)
    print(f"{caught} of {len(faults)} caught, in {perf_counter() - began:.0f} s.")
    if survivors or not is_sound:
        return 1
    if write:
        PAGE.write_text(
            mutations_page([(fault, outcomes[fault.name].caught_by) for fault in faults])
        )
    return 0


def _are_sound(trials: Yard, tests: Collection[str]) -> bool:
    """Whether the tests pass without a fault; otherwise their failure proves nothing."""
    unsound = [
        outcome for outcome in trials.try_without(tests) if outcome.caught_by or outcome.trouble
    ]
    for outcome in unsound:
        print(f"Without any fault, this fails, too: {outcome.caught_by}\n{outcome.trouble}")
    return not unsound


def _print_survivor(fault: Fault, outcome: Outcome) -> None:
    print(f"\nSURVIVED: {fault.name} ({fault.clause}), under {', '.join(fault.test_files)}")
    print(outcome.trouble or fault.diff(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
