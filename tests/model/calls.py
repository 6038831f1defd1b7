"""What can be asked of a participant: each step's action and each step's compensation.

A call stands for its idempotency key, which is the same for all of its attempts. Sets of calls are
bit masks, because worlds are hashed by the million.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sagas.machine import Direction, Poll
from tests.model.shape import Shape


@dataclass(frozen=True, eq=False)
class Call:
    step: str
    direction: Direction
    bit: int
    undo_bit: int = 0
    """An action's compensation; compensations have none."""
    only_asks: bool = False

    @property
    def has_effect(self) -> bool:
        """Whether it does something that may have to be undone."""
        return bool(self.undo_bit) and not self.only_asks

    def __str__(self) -> str:
        return self.step if self.undo_bit else f"{self.step}'s compensation"


Calls = dict[tuple[str, Direction], Call]


def calls_of(shape: Shape) -> Calls:
    """Every call of a shape, in the written order. Waits call nobody. What has no
    compensation gets one all the same: a machine that asks for it is to be found out."""
    calls = {}
    for index, step in enumerate(each.name for each in shape.saga.claimed_steps):
        bit = 1 << (2 * index)
        only_asks = isinstance(shape.step(step), Poll)
        calls[step, Direction.ACTION] = Call(step, Direction.ACTION, bit, bit << 1, only_asks)
        calls[step, Direction.COMPENSATION] = Call(step, Direction.COMPENSATION, bit << 1)
    return calls


def mask(calls: Iterable[Call]) -> int:
    return sum(call.bit for call in calls)
