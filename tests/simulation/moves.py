"""What may happen next: a table of moves, of which the seed picks one after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from sagas.machine import Direction
from tests.simulation.broker import Message
from tests.simulation.world import World

CHANCE_OF_A_LEAP: Final = 0.3
"""That time passes at once to when something is due, while faults go on; otherwise by a little."""

LONGEST_PAUSE: Final = 1.5
"""Seconds."""

MOST_TRIES: Final = 30
"""Rather no move than a search without an end, in the middle of somebody else's."""

BIGINT: Final = (1 << 63) - 1


@dataclass(frozen=True)
class Move:
    """`make` does it, and says whether there was anything to do."""

    name: str
    weight: float
    make: Callable[[World], bool]
    is_fault: bool = False
    """Whether it ends when faults end."""


def _pass_time(world: World) -> bool:
    """To the next moment at which anything is due; only if nothing can be done now, once faults
    have ended."""
    clock, rng = world.stage.clock, world.stage.rng
    if not world.faults.active:
        return world.leap()
    if rng.random() < CHANCE_OF_A_LEAP:
        return world.leap()
    clock.move(rng.uniform(0, LONGEST_PAUSE))
    return True


def _database_away(world: World) -> bool:
    world.faults.database_goes_away()
    return True


def _forge(world: World) -> bool:
    """A message that nobody sent: for another step, another fence, another execution (R20)."""
    rng = world.stage.rng
    execution_id = rng.choice([rng.randint(0, 2 * len(world.wanted)), BIGINT])
    step = rng.choice([f"s{rng.randint(0, 6)}", "no_such_step", ""])
    fence = rng.choice([rng.randint(0, 6), BIGINT])
    direction = rng.choice(list(Direction))
    world.broker.put(Message(execution_id, step, direction, fence, is_forged=True))
    world.stage.note(f"a hint for {step} {direction} {fence} is forged", "unknown")
    return True


def _decide_to_cancel(world: World) -> bool:
    """A saga that somebody is at work on, most often on its last step (R7, R8)."""
    rng = world.stage.rng
    at_work = [worker.work for worker in world.workers.all if worker.work is not None]
    last = [
        work
        for work in at_work
        if work.direction is Direction.ACTION and world.is_last_step(work.saga_id, work.step)
    ]
    chosen = last if last and rng.random() < 0.9 else at_work
    return bool(chosen) and world.operator.decide(rng.choice(chosen).saga_id)


MOVES: Final = (
    Move("a client starts a saga", 20, lambda world: world.client.start()),
    Move("a worker takes a message", 40, lambda world: world.workers.take()),
    Move("a worker runs its step", 20, lambda world: world.workers.run()),
    Move("a worker reports", 20, lambda world: world.workers.report()),
    Move("a wake loop looks", 10, lambda world: world.loops.look()),
    Move("a late request lands", 5, lambda world: world.participants.land_one()),
    Move("time passes", 3, _pass_time),
    Move("a worker stands still", 3, lambda world: world.workers.stall(), is_fault=True),
    Move("a worker is killed", 0.5, lambda world: world.workers.kill(), is_fault=True),
    Move("a dead process is noticed", 4, lambda world: world.workers.neighbours.tell()),
    Move("a message is forged", 1, _forge, is_fault=True),
    Move("the queue is purged", 0.1, lambda world: world.broker.purge(), is_fault=True),
    Move("the broker goes away", 0.1, lambda world: world.broker.go_away(), is_fault=True),
    Move("the database goes away", 0.03, _database_away, is_fault=True),
    Move("an operator decides to cancel", 1.6, _decide_to_cancel, is_fault=True),
    Move("an operator presses the button", 6, lambda world: world.operator.press()),
)


class Scheduler:
    """Makes one move after the other; each may let another one happen in its middle."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._is_nested = False
        world.stage.meanwhile = self._meanwhile

    def move(self) -> bool:
        """Makes a move for which there is anything to do. Whether it found one soon."""
        moves = [each for each in MOVES if self._world.faults.active or not each.is_fault]
        weights = list(accumulate(each.weight for each in moves))
        for move in self._world.stage.rng.choices(moves, cum_weights=weights, k=MOST_TRIES):
            self._world.stage.trace.mix_in(move.name)
            if move.make(self._world):
                return True
        return False

    def _meanwhile(self) -> None:
        """Others act while somebody is between two things. They are not interrupted in turn."""
        if not self._is_nested:
            self._is_nested = True
            try:
                for _ in range(self._world.stage.rng.randint(1, 3)):
                    self.move()
            finally:
                self._is_nested = False
