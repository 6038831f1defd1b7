"""A clause that does not hold."""

from collections.abc import Callable, Iterable
from typing import Any


class Violation(Exception):
    """`clause` was broken; `story` tells by what, if it was not the newest state as such."""

    def __init__(self, clause: str, story: Iterable[str] = ()) -> None:
        super().__init__(clause)
        self.clause = clause
        self.story = tuple(story)


def sentence(check: Callable[..., Any]) -> str:
    """What a check is called: `s5_nothing_starts` is "S5: nothing starts"."""
    number, words = check.__name__.split("_", 1)
    return f"{number.upper()}: {words.replace('_', ' ')}"
