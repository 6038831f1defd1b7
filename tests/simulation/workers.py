"""Workers as state machines: a message, a claim, the call, the report, each at a time of its own.

Between any two of these others act, time goes by, and the worker may be killed or stand still.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from django.db import InterfaceError, OperationalError

from sagas import engine
from sagas.machine import Failure, Progress, Verdict
from sagas.machine.failures import classify
from tests.simulation.broker import Broker, Message
from tests.simulation.clock import START
from tests.simulation.codes import Codes
from tests.simulation.faults import Faults
from tests.simulation.neighbours import Neighbours
from tests.simulation.stage import Actor, Killed, Stage

MOST_STALLED: Final = 5
"""At a time; the others have to get something done."""

LONGEST_STALL: Final = 25.0
"""Seconds: two of the longest leases."""


CHANCE_TO_REPORT_TOGETHER: Final = 0.3
"""Of a report when others have something to report, too."""

CHANCE_TO_RUN_ON: Final = 0.4
"""Of each step that could. A message for the others is what most of the faults strike."""


@dataclass(frozen=True)
class Returned:
    value: object


class Worker(Actor):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.phase: Literal["idle", "busy", "claimed", "ran"] = "idle"
        self.work: engine.Work | None = None
        self.ended: Returned | Failure | None = None
        self.progress = Progress.UNKNOWN
        self.neighbours: Neighbours | None = None
        self.stalled_until: datetime = START

    def end(self) -> None:
        self.phase, self.work, self.ended, self.stalled_until = "idle", None, None, START
        self.progress = Progress.UNKNOWN

    def die(self) -> None:
        if self.neighbours is None:
            self.end()
        else:
            self.neighbours.die(self)

    @property
    def is_at_work(self) -> bool:
        return self.phase in ("claimed", "ran")


class Workers:
    def __init__(self, stage: Stage, faults: Faults, broker: Broker, count: int) -> None:
        self.all = [Worker(f"worker {number}") for number in range(count)]
        self.claimed: set[tuple[int, str, str, int]] = set()
        """The messages whose claim was won."""
        self.codes: Codes  # set by the world, whose designs act by these workers
        self.neighbours = Neighbours(stage, self.all)
        for worker in self.all:
            worker.neighbours = self.neighbours
        self._stage = stage
        self._faults = faults
        self._broker = broker

    @property
    def can_take(self) -> bool:
        """Whether one is idle."""
        return bool(self._idle())

    def _idle(self) -> list[Worker]:
        may, idle = self.neighbours, [each for each in self.all if each.phase == "idle"]
        return [each for each in idle if may.may_act(each) and may.may_claim(each)]

    @property
    def are_idle(self) -> bool:
        return all(worker.phase == "idle" for worker in self.all)

    def next_end_of_a_stall(self) -> datetime | None:
        """When the next worker that stands still goes on."""
        return min((each.stalled_until for each in self.all if each.is_at_work), default=None)

    def take(self) -> bool:
        """An idle worker takes a message and claims. Whether there were both."""
        idle = self._idle()
        message = self._broker.take() if idle else None
        if message is None:
            return False
        worker = self._stage.rng.choice(idle)
        worker.phase = "busy"
        worker.concern = self._broker.saga_ids.get(message.execution_id, "unknown")
        worker.code = self.codes.for_execution(message.execution_id)
        with self._stage.process(worker):
            self._claim(worker, message)
        if worker.phase == "busy":
            worker.end()
        return True

    def run(self) -> bool:
        """A worker calls the action that it has claimed. Whether one could."""
        worker = self._some("claimed")
        if worker is None:
            return False
        work = worker.work
        assert work is not None, "it has claimed"
        worker.phase, worker.progress = "busy", Progress.RUNNING
        with self._stage.process(worker):
            try:
                worker.ended = Returned(work.run())
            except Exception as error:
                worker.ended = Failure.of(classify(error), error)
            self._stage.note(f"{work.step} {work.direction} {work.attempt} ran", work.saga_id)
            worker.phase, worker.progress = "ran", Progress.RAN
        return True

    def report(self) -> bool:
        """A worker reports; or one process that has claimed for several sagas reports what came of
        all of them. Whether one could."""
        worker = self._some("ran")
        if worker is None:
            return False
        together = self._in_step_with(worker)
        for each in together:
            each.phase = "busy"
        with self._stage.process(worker):
            if len(together) > 1:
                self._report_together(together, worker.lost_at_commit)
            else:
                self._report(worker)
        for each in together:
            if each.phase == "busy":  # killed with the first, or what it did could not be reported
                each.end()
        return True

    def stall(self) -> bool:
        """A worker stands still, most often for longer than its lease, and then goes on (R5)."""
        now = self._stage.clock.now
        # Rather with a result in its hands, which is then late (R12).
        worker = self._some("ran") or self._some("claimed")
        if sum(each.stalled_until > now for each in self.all) >= MOST_STALLED:
            return False
        if worker is not None:
            seconds = self._stage.rng.uniform(0, LONGEST_STALL)
            worker.stalled_until = now + timedelta(seconds=seconds)
            self._stage.note(f"{worker.name} stands still for {seconds:.1f} s", worker.concern)
        return worker is not None

    def kill(self) -> bool:
        """A worker is killed between two things that it does."""
        worker = self._some("claimed", "ran")
        if worker is not None:
            with self._stage.process(worker):
                raise Killed(f"when it had {worker.phase}")
        return worker is not None

    def _some(self, *phases: str) -> Worker | None:
        now = self._stage.clock.now
        able = [
            each
            for each in self.all
            if each.phase in phases and each.stalled_until <= now and self.neighbours.may_act(each)
        ]
        return self._stage.rng.choice(able) if able else None

    def _claim(self, worker: Worker, message: Message) -> None:
        step, direction, fence = message.step, message.direction, message.fence
        saga_id = worker.concern
        self._stage.note(f"takes {step} {direction} {fence}", saga_id)
        try:
            together = self.neighbours.claims_together(worker)
            work = engine.claim(message.execution_id, step, direction, fence, together=together)
        except (OperationalError, InterfaceError) as error:
            self._stage.note(f"can't claim: {error}", saga_id)
            return
        if work is None and together and self._goes_alone(message):
            self._stage.note("goes alone: later", saga_id)
            self._broker.put(message)
            return
        if work is None:
            self._stage.races["R1"] += message.key in self.claimed
            self._stage.races["R26"] += not self.codes.fits(saga_id, worker.code)
            self._stage.races["R20"] += message.is_forged
            self._stage.note("claims in vain", saga_id)
            return
        self._stage.races["R6 claim, committed"] += "after" in worker.lost_at_commit
        self._stage.races["R6 claim, not committed"] += "before" in worker.lost_at_commit
        self.claimed.add(message.key)
        if not message.is_forged:  # which stands in for none that was missed
            self._stage.races[self._broker.missing.pop(message.key, "a hint that arrived")] += 1
        self._stage.note(f"has claimed attempt {work.attempt}", saga_id)
        worker.work, worker.phase, worker.progress = work, "claimed", Progress.NOT_BEGUN

    def _goes_alone(self, message: Message) -> bool:
        row = engine.look_ahead([message.execution_id]).get(message.execution_id)
        step = None if row is None else row.state.step(message.step)
        return step is not None and step.alone and step.fence == message.fence

    def _report(self, worker: Worker) -> None:
        work, ended = worker.work, worker.ended
        assert work is not None, "it has claimed"
        assert ended is not None, "it has run"
        try:
            if isinstance(ended, Returned):
                verdict, following = engine.succeed(work, ended.value, self._may_run_on)
            else:
                verdict, following = engine.fail(work, ended, may_claim=self._may_run_on)
        except (OperationalError, InterfaceError) as error:
            self._stage.note(f"can't report: {error}", work.saga_id)
            worker.end()
            return
        self._reported(worker, worker.lost_at_commit, verdict, following)
        if worker.phase == "busy":
            if self._faults.strikes("reports twice"):
                worker.phase = "ran"
            else:
                worker.end()

    def _in_step_with(self, worker: Worker) -> list[Worker]:
        """Who reports in one statement with it, each for a saga of its own; at least itself."""
        able = [worker, *(each for each in self.all if each is not worker)]
        able = [each for each in able if each.code == worker.code]
        now, found = self._stage.clock.now, dict[int, Worker]()
        for each in able:
            is_able = each.phase == "ran" and each.stalled_until <= now
            is_able = is_able and (each is worker or self.neighbours.may_act(each))
            if is_able and each.work and isinstance(each.ended, Returned):
                found.setdefault(each.work.execution_id, each)
        is_one = worker not in found.values() or len(found) == 1
        if is_one or self._stage.rng.random() >= CHANCE_TO_REPORT_TOGETHER:
            return [worker]
        return list(found.values())

    def _report_together(self, workers: list[Worker], lost: Sequence[str]) -> None:
        done = [
            (each.work, each.ended.value)
            for each in workers
            if each.work and isinstance(each.ended, Returned)
        ]
        races = self._stage.races
        try:
            reports = engine.succeed_together(done, lambda _: self._may_run_on)
            for each, (verdict, following) in zip(workers, reports, strict=True):
                races["reports together"] += not lost
                races["reports together, in doubt"] += bool(lost)
                self._reported(each, lost, verdict, following)
        except (OperationalError, InterfaceError) as error:
            self._stage.note(f"can't report: {error}", workers[0].concern)

    def _reported(
        self, worker: Worker, lost: Sequence[str], verdict: Verdict, following: engine.Work | None
    ) -> None:
        assert worker.work is not None, "it has reported it"
        saga_id, races = worker.work.saga_id, self._stage.races
        races["R6 report, committed"] += "after" in lost and verdict is Verdict.REPEATED
        races["R6 report, not committed"] += "before" in lost and verdict is Verdict.ACCEPTED
        self._stage.note(f"{type(worker.ended).__name__} is {verdict}", saga_id)
        if following is not None:
            races["runs on"] += 1
            races["runs on, in doubt"] += bool(lost)
            self._stage.note(f"runs on with {following.step} {following.direction}", saga_id)
            worker.work, worker.ended, worker.phase = following, None, "claimed"
            worker.progress = Progress.NOT_BEGUN

    def _may_run_on(self, *_: object) -> bool:
        """Often enough for both ways."""
        return self._stage.rng.random() < CHANCE_TO_RUN_ON
