"""Every fact in every order, on random definitions; the clauses are checked after each."""

from collections import Counter
from typing import ClassVar, get_args

import pytest
from hypothesis.stateful import run_state_machine_as_test

from sagas.machine import Claim, Fact, Failed, Operation, Succeeded
from sagas.machine.events import EVENT_TYPES
from sagas.machine.states import EXECUTION_MOVES
from tests.properties.any_saga import AnySaga
from tests.properties.profiles import BATCHES, EVERY_CLAUSE, THE_SAME_WALKS

IN_VAIN = ("late", "repeated")


# One that fails is made as short as can be, which takes its time. One that does not end can only be
# ended with its process: Hypothesis would take an exception for a failure, and try the same again.
@pytest.mark.timeout(1200, method="thread")
@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_clause_holds_after_every_fact(batch: int) -> None:
    run_state_machine_as_test(AnySaga, settings=EVERY_CLAUSE)


class Counted(AnySaga):
    met: ClassVar[Counter[str]] = Counter()


def test_every_kind_of_fact_event_and_turn_is_met() -> None:
    """The test above proves nothing of what its walks never come across."""
    run_state_machine_as_test(Counted, settings=THE_SAME_WALKS)
    facts = [fact.__name__ for fact in get_args(Fact)]
    expected = {*EVENT_TYPES} - {"saga.adopted"}  # no fact leads to it, but another definition
    expected |= {"asked", "a further round", "an older round undone"}
    expected |= {"a list closed at its end", "signals handed to a round"}
    expected |= {f"{name} accepted" for name in facts}
    expected |= {f"{fact.__name__} refused" for fact in (*get_args(Operation), Claim)}
    expected |= {f"{fact.__name__} {how}" for fact in (Succeeded, Failed) for how in IN_VAIN}
    expected |= {
        f"{before} → {after}" for befores, after in EXECUTION_MOVES.values() for before in befores
    }
    assert sorted(expected - set(Counted.met)) == []
