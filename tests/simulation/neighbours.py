"""Workers that share a process, as sagas in step do: what ends one of them ends the others' claims,
too; and what a worker's main process then says of each (S14)."""

from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError

from sagas import engine
from sagas.machine import Progress, Verdict
from tests.simulation.stage import Actor, Stage

if TYPE_CHECKING:
    from tests.simulation.workers import Worker

SHARED: Final = 3
"""Processes that are shared."""

EACH: Final = 4
"""Workers to each of them. All others have a process of their own."""

CHANCE_OF_COMPANY: Final = 0.8
"""Of a claim that is the first of its process."""

CHANCE_OF_WORD: Final = 0.7
"""That a claim's death is told of; else its lease ends it, as if the whole worker had died."""


class Neighbours:
    def __init__(self, stage: Stage, workers: "list[Worker]") -> None:
        self._stage = stage
        self._main = Actor("main process")
        self._dead: list[tuple[engine.Work, Progress]] = []
        self._process: dict[str, list[Worker]] = {}
        for first in range(0, SHARED * EACH, EACH):
            process = workers[first : first + EACH]
            self._process |= {worker.name: process for worker in process}

    def may_act(self, worker: "Worker") -> bool:
        """A process does one thing at a time."""
        return not any(each.phase == "busy" for each in self._of(worker))

    def may_claim(self, worker: "Worker") -> bool:
        """What goes alone is joined by nobody."""
        claimed = [each.work for each in self._of(worker) if each.work]
        return all(work.row.state.step(work.step).together for work in claimed)

    def claims_together(self, worker: "Worker") -> bool:
        """With others that are there, or may yet come."""
        if worker.name not in self._process:
            return False
        has_company = any(each.work for each in self._of(worker))
        return has_company or self._stage.rng.random() < CHANCE_OF_COMPANY

    def die(self, worker: "Worker") -> None:
        """It was killed, and its whole process with it."""
        for each in (worker, *self._of(worker)):
            if each.work and each.name in self._process:
                if self._stage.rng.random() < CHANCE_OF_WORD:
                    self._dead.append((each.work, each.progress))
                self._stage.note(f"died with it, {each.progress}", each.work.saga_id)
            each.end()

    def tell(self) -> bool:
        """A main process reports a dead claim. Whether there was one."""
        if not self._dead:
            return False
        work, progress = self._dead.pop(self._stage.rng.randrange(len(self._dead)))

        def seen(step: str, fence: int) -> Progress:
            """It may have claimed the next one with a report, and died before it heard of that."""
            is_it = (step, fence) == (work.step, work.fence)
            return progress if is_it else Progress.NOT_BEGUN

        holder, self._main.concern = work.row.state.step(work.step).holder, work.saga_id
        with self._stage.process(self._main):
            try:
                verdict = engine.lost(work.execution_id, holder, seen)
            except (OperationalError, InterfaceError) as error:
                self._stage.note(f"can't report a death: {error}", work.saga_id)
            else:
                self._stage.note(f"a death, {progress}, is {verdict}", work.saga_id)
                self._stage.races[f"S14 {progress}"] += verdict is Verdict.ACCEPTED
        return True

    def _of(self, worker: "Worker") -> "list[Worker]":
        return [each for each in self._process.get(worker.name, []) if each is not worker]
