"""How the moves choose, and how they are told of in a failing example."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from hypothesis import note

from sagas.machine import Claim, Fact, Verdict
from tests.properties.world import Answer, World

T = TypeVar("T")
MOSTLY: Final = (True, True, True, False)


class Choose:
    """Picks one of a few; the simplest comes first, so that failing examples shrink to it."""

    def __init__(self, picks: Iterable[int]) -> None:
        self._picks = iter(picks)

    def __call__(self, options: Sequence[T]) -> T:
        return options[next(self._picks) % len(options)]


def tell(world: World, fact: Fact) -> Verdict:
    note(fact)
    verdict = world.tell(fact).verdict
    note(verdict)
    return verdict


def report_on(world: World, claim: Claim, answer: Answer) -> None:
    verdict = world.report(claim, answer).verdict
    note(f"{claim}: {answer}: {verdict}")
