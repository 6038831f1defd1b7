"""A Hypothesis state machine: any fact, in any order, on any definition."""

from collections import Counter
from typing import ClassVar, Final

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sagas.machine import TERMINAL, Saga
from sagas.machine import events as ev
from tests.properties.choose import Choose
from tests.properties.ending import come_to_an_end
from tests.properties.moves import MOVES
from tests.properties.shapes import beginnings, sagas
from tests.properties.world import World

_SOME: Final = st.sampled_from([0, 0, 0, 0b01010101, 0b10101010])
_PICKS: Final = st.binary(min_size=6, max_size=6)
_ABSENT: Final = st.sampled_from([set(), set(), {"faults"}, {"people"}, {"faults", "people"}])


class AnySaga(RuleBasedStateMachine):
    """One rule, because Hypothesis leaves half of the rules out of each example, and a saga gets
    nowhere without most of them."""

    met: ClassVar[Counter[str]] = Counter()
    """How often each fact, verdict, event and status was met, in all examples."""

    @initialize(
        saga=sagas(),
        started=beginnings(),
        absent=_ABSENT,
        refusing=_SOME,
        with_pivots=_SOME,
        ending_at_birth=_SOME,
    )
    def begin(
        self,
        saga: Saga,
        started: ev.SagaStarted,
        absent: set[str],
        refusing: int,
        with_pivots: int,
        ending_at_birth: int,
    ) -> None:
        names = list(saga.by_name)
        refuse = {name: index % 2 for index, name in enumerate(names) if refusing >> index // 2 & 1}
        pivots = {name for index, name in enumerate(names) if with_pivots >> index & 1}
        ends = [name for index, name in enumerate(names) if ending_at_birth >> index & 1]
        at_birth = {name: number % 3 != 0 for number, name in enumerate(ends)}
        self.moves = [move for move in MOVES if move.by not in absent]
        self.again = lambda: World(saga, started, refuse, pivots, at_birth)
        self.world = self.again()

    @rule(picks=_PICKS)
    def something_happens(self, picks: bytes) -> None:
        choose = Choose(picks)
        if self.world.state.status in TERMINAL and choose((False, False, True)):
            self.end()
            self.world = self.again()  # or most of the example would happen after the end
            return
        possible = [
            move for move in self.moves if move.is_possible(self.world) for _ in range(move.weight)
        ]
        choose(possible).act(self.world, choose)

    def teardown(self) -> None:
        """L1, L2: once faults end, every saga comes to an end."""
        if hasattr(self, "world") and not self.world.is_broken:
            self.end()

    def end(self) -> None:
        note("faults end")
        come_to_an_end(self.world)
        type(self).met.update(self.world.met)
