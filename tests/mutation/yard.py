"""Trials side by side: as many places as processes, and one trial at a time in each."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from queue import Queue
from typing import Final

from tests.mutation.fault import Fault
from tests.mutation.place import Place, place
from tests.mutation.trial import Outcome, run_trial

Trial = Callable[[Place], Outcome]

TOGETHER: Final = 20
"""Tests that are run in one process where no fault is sown."""


@dataclass(frozen=True, slots=True)
class Yard:
    pool: ThreadPoolExecutor
    free: Queue[Place]

    def try_without(self, tests: Collection[str]) -> Iterator[Outcome]:
        """Runs the tests without a fault, some at a time."""
        names = sorted(tests)
        parts = [names[begin : begin + TOGETHER] for begin in range(0, len(names), TOGETHER)]
        yield from self._run([partial(run_trial, tests=part) for part in parts])

    def try_each(
        self, faults: Sequence[Fault], catchers: Mapping[str, str]
    ) -> Iterator[tuple[Fault, Outcome]]:
        """Tries each fault, first with the test that `catchers` names for it; the outcomes come in
        the order of the list."""
        trials = [
            partial(
                run_trial, tests=fault.test_files, fault=fault, first=catchers.get(fault.name, "")
            )
            for fault in faults
        ]
        yield from zip(faults, self._run(trials), strict=True)

    def _run(self, trials: Sequence[Trial]) -> Iterator[Outcome]:
        return self.pool.map(self._run_one, trials)

    def _run_one(self, trial: Trial) -> Outcome:
        place = self.free.get()
        try:
            return trial(place)
        finally:
            self.free.put(place)


@contextmanager
def yard(processes: int) -> Iterator[Yard]:
    """A yard for that many trials at a time."""
    with ExitStack() as stack:
        free: Queue[Place] = Queue()
        for number in range(processes):
            free.put(stack.enter_context(place(number)))
        pool = ThreadPoolExecutor(processes)
        stack.callback(pool.shutdown, cancel_futures=True)
        yield Yard(pool, free)
