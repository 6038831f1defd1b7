"""A world: some sagas of some random definitions, and everybody who deals with them."""

from datetime import datetime
from random import Random
from typing import Any, Final

from django.db import connection

from sagas.machine import Direction
from sagas.moments import aware
from sagas.store import due
from tests.simulation.broker import Broker
from tests.simulation.codes import Codes
from tests.simulation.definitions import CONTEXT, Design, random_design
from tests.simulation.faults import Faults
from tests.simulation.loops import WakeLoops
from tests.simulation.participants import Participants, Request
from tests.simulation.people import Client, Operator, Wanted
from tests.simulation.stage import Stage
from tests.simulation.workers import Workers

SAGAS_PER_DESIGN: Final = 5
WORKERS: Final = 24
"""Enough that the branches of one saga run at the same time, beside those of all others."""

CHANCE_OF_FLAW: Final = 0.1
"""Of each of these: a saga is unwelcome; the code of one of its steps kills its worker each time;
or it returns what can't be stored each time."""


class World:
    def __init__(self, seed: int, sagas: int) -> None:
        self.seed = seed
        self.stage = Stage(Random(seed))
        self.faults = Faults(self.stage)
        self.broker = Broker(self.stage, self.faults)
        self.participants = Participants(self.stage, self.faults)
        self.workers = Workers(self.stage, self.faults, self.broker, WORKERS)
        self.loops = WakeLoops(self.stage, self.faults, self.broker)
        self.designs = self._random_designs(1 + sagas // SAGAS_PER_DESIGN)
        act = self.participants.act
        self.codes = Codes(self.stage, self.faults, self.designs, act)
        self.workers.codes = self.loops.codes = self.codes
        self.wanted = [self._random_wish(number) for number in range(sagas)]
        self.wanted_by_id = {wanted.saga_id: wanted for wanted in self.wanted}
        self.client = Client(self.stage, self.faults, self.codes, self.wanted)
        self.operator = Operator(self.stage, self.codes)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is left to do for anybody."""
        return (
            self.client.is_done
            and self.operator.is_done
            and not self.broker.queue
            and self.workers.are_idle
            and _first_wake_at() is None
        )

    def leap(self) -> bool:
        """Moves the clock to the next moment at which anything is due. Whether there was one to
        come."""
        wake_at = _first_wake_at()
        moments = [
            self.broker.next_arrival() if self.workers.can_take else None,
            self.workers.next_end_of_a_stall(),
            self.participants.next_landing(),
            None if wake_at is None else max(wake_at, self.loops.next_look()),
            self.loops.next_look() if due.waited_for() and not self.broker.queue else None,
        ]
        then = min((moment for moment in moments if moment is not None), default=None)
        if then is None or then <= self.stage.clock.now:
            return False
        self.stage.clock.move((then - self.stage.clock.now).total_seconds())
        return True

    def is_last_step(self, saga_id: str, step: str) -> bool:
        """Whether every other step of its saga stands before it."""
        design = self.codes.began(saga_id) or self.wanted_by_id[saga_id].design
        others = design.saga.by_name.keys() - design.left_out - {step}
        return all((other, step) in design.order for other in others)

    def _random_designs(self, count: int) -> dict[str, Design]:
        names = [f"design{number}" for number in range(count)]
        act = self.participants.act
        return {name: random_design(self.stage.rng, name, act) for name in names}

    def _random_wish(self, number: int) -> Wanted:
        rng = self.stage.rng
        design = self.designs[rng.choice(list(self.designs))]
        saga_id = f"saga{number}"
        if rng.random() < CHANCE_OF_FLAW:
            self.participants.flaws.unwelcome.add(saga_id)
        for flawed in (self.participants.flaws.poisoned, self.participants.flaws.unstorable):
            if rng.random() < CHANCE_OF_FLAW:
                direction = rng.choice([Direction.ACTION, *Direction])
                step = rng.choice(design.saga.claimed_steps)
                flawed.add(Request(saga_id, step.name, direction))
        context: dict[str, Any] = {"number": number, **CONTEXT}
        return Wanted(saga_id, design, context)


def _first_wake_at() -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(wake_at) FROM sagas_sagaexecution")
        found: datetime | None = cursor.fetchone()[0]
        return found and aware(found)
