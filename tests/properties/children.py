"""Child executions as a parent meets them: what they do when, and what they make of its commands.

A small model of what the real ones do in `sagas.engine.family` and `sagas.store.children`: commands
wait in a child's row and come first when it acts; what it has come to waits there, too, until its
parent takes it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from sagas.machine import ChildCommand, Outcome, ParentCommand


class At(Enum):
    """Where a child stands."""

    FORWARD = auto()
    STOPPED = auto()
    """A step gave up where there is no way back; a person is needed."""
    TURNED = auto()
    """It turned back, and something is still in flight."""
    GAVE_UP = auto()
    """Settled; it undoes nothing before its parent says so."""
    DONE = auto()
    UNDOING = auto()
    UNDONE = auto()
    STUCK = auto()
    """A compensation gave up; a person is needed."""


AT_WORK_FORWARD: Final = frozenset({At.FORWARD, At.STOPPED, At.TURNED})
AT_AN_END: Final = frozenset({At.DONE, At.UNDONE})

_LIVE = frozenset({At.FORWARD, At.TURNED, At.GAVE_UP, At.UNDOING})
_NEEDS_A_PERSON = frozenset({At.STOPPED, At.STUCK})
_MEANT_FOR: Final = {
    ParentCommand.HALT: frozenset({At.FORWARD}),
    ParentCommand.UNDO: _LIVE | {At.DONE},
    ParentCommand.RELEASE: _LIVE - {At.FORWARD},
    ParentCommand.WITHDRAW: _LIVE,
    ParentCommand.RETRY: _NEEDS_A_PERSON,
    ParentCommand.RESOLVE: _NEEDS_A_PERSON,
    ParentCommand.PAUSE: _LIVE,
    ParentCommand.RESUME: _LIVE,
}
_OUTCOMES: Final = {
    At.DONE: Outcome.COMPLETED,
    At.GAVE_UP: Outcome.GAVE_UP,
    At.UNDONE: Outcome.UNDONE,
    At.STUCK: Outcome.STUCK,
}


@dataclass(slots=True)
class Child:
    forward_only: bool
    has_pivot: bool
    at: At = At.FORWARD
    is_past_pivot: bool = False
    is_released: bool = False
    """Whether it may undo what it did as soon as it has settled."""
    paused: bool = False
    commands: list[ParentCommand] = field(default_factory=list)
    outcome: Outcome | None = None
    taken: Outcome | None = None
    """The newest outcome that its parent has taken."""

    def leave(self, order: ParentCommand) -> None:
        """The parent leaves an order in the child's row, if it means anything to it."""
        if order is ParentCommand.RETRY and self.taken is Outcome.STUCK:
            self.outcome = self.taken = None  # it will tell again, be it the same
        if order is ParentCommand.REPORT:
            self.taken = None
        elif self.at in _MEANT_FOR[order]:
            self.commands.append(order)

    def act(self, *, well: bool) -> None:
        """Does what it was told, and then takes a step of its own, if it may."""
        for order in self.commands:
            self._obey(order)
        self.commands.clear()
        if self.at is At.TURNED:  # what is in flight settles, paused or not
            self.at = At.UNDOING if self.is_released else At.GAVE_UP
        elif not self.paused:
            self._go_on(well)
        self._look_at_outcome()

    def be_helped(self) -> None:
        """A person acts on this very child, and tries again what gave up."""
        self.at = {At.STOPPED: At.FORWARD, At.STUCK: At.UNDOING}.get(self.at, self.at)
        self._look_at_outcome()

    @property
    def has_news(self) -> bool:
        return self.outcome is not None and self.outcome is not self.taken

    @property
    def needs_a_person(self) -> bool:
        return self.at in _NEEDS_A_PERSON

    def _obey(self, order: ParentCommand) -> None:
        can_turn = not self.forward_only and not self.is_past_pivot
        match order, self.at:
            case ParentCommand.HALT, At.FORWARD if can_turn:
                self.at = At.TURNED
            case ParentCommand.UNDO, At.DONE | At.GAVE_UP if can_turn:
                self.at = At.UNDOING
            case ParentCommand.WITHDRAW, At.FORWARD if can_turn:
                self.at, self.is_released = At.TURNED, True
            case ParentCommand.RELEASE | ParentCommand.WITHDRAW, At.TURNED:
                self.is_released = True
            case ParentCommand.RELEASE | ParentCommand.WITHDRAW, At.GAVE_UP:
                self.at = At.UNDOING
            case ParentCommand.RETRY, _:
                self.be_helped()
            case ParentCommand.RESOLVE, At.STUCK:
                self.at = At.UNDONE
            case ParentCommand.PAUSE | ParentCommand.RESUME, at if at in _LIVE:
                self.paused = order is ParentCommand.PAUSE

    def _go_on(self, well: bool) -> None:
        match self.at:
            case At.FORWARD if well and self.has_pivot and not self.is_past_pivot:
                self.is_past_pivot = True
            case At.FORWARD if well:
                self.at = At.DONE
            case At.FORWARD:
                no_way_back = self.forward_only or self.is_past_pivot
                self.at = At.STOPPED if no_way_back else At.TURNED
            case At.UNDOING:
                self.at = At.UNDONE if well else At.STUCK
            case _:
                pass

    def _look_at_outcome(self) -> None:
        final = self.at is At.DONE and self.has_pivot
        self.outcome = Outcome.FINAL if final else _OUTCOMES.get(self.at)


def check_order_of_rounds(tell: ChildCommand, rounds: Sequence[Child], number: int) -> None:
    """S6: a round is undone once those after it are, or can't be."""
    is_to_begin = rounds[number].at in (At.DONE, At.GAVE_UP)
    if tell.number is not None and tell.command is ParentCommand.UNDO and is_to_begin:
        for later in rounds[number + 1 :]:
            assert later.taken in (Outcome.UNDONE, Outcome.STUCK), "S6"


def take_news(children: Iterable[Child]) -> Counter[Outcome]:
    """How many more of `children` have come to each outcome since this was last asked."""
    change: Counter[Outcome] = Counter()
    for child in children:
        if child.has_news:
            assert child.outcome is not None
            change[child.outcome] += 1
            if child.taken is not None:
                change[child.taken] -= 1
            child.taken = child.outcome
    return change
