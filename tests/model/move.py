"""A move: what may happen next in a world, in each way in which it may."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.model.rows import Rows
from tests.model.world import World

Ways = Iterator[tuple[Any, ...]]


class Move(NamedTuple):
    sentence: str
    ways: Callable[[Rows, World], Ways]
    """What it is about, calls mostly, for each way in which it may happen."""
    effect: Callable[..., World]
    """Of the rows, the world and all that."""

    def told(self, subjects: tuple[Any, ...]) -> str:
        return self.sentence.format(call=" and ".join(map(str, subjects)))
