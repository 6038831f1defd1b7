"""What `decide` answers, and how an answer comes to be."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sagas.machine.definition import Saga
from sagas.machine.events import Event, SetsDue
from sagas.machine.evolve import evolve
from sagas.machine.facts import ParentCommand
from sagas.machine.state import ExecutionState
from sagas.machine.states import ExecutionStatus
from sagas.machine.values import statically_frozen
from sagas.machine.wake import Hint, hints, still_holds


class Verdict(StrEnum):
    """What became of a fact."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """It makes no sense as things stand, and `Decision.reason` says why; or it is a claim of
    something that is not due, or somebody else's. Nothing changed (R1)."""
    REPEATED = "repeated"
    """The fact is known already. Nothing changed (R6)."""
    LATE = "late"
    """A report under a fence that was shut out: recorded, without effect (R5, R12)."""


@statically_frozen(frozen=True, slots=True)
class Recorded:
    """An event with its number, and the execution's status after it."""

    seq: int
    status: ExecutionStatus
    event: Event


@statically_frozen(frozen=True, slots=True)
class Start:
    """Children of `step`, from number `first` (from 0), `count` of them, to be started in the
    transaction that saves this decision."""

    step: str
    first: int
    count: int


@statically_frozen(frozen=True, slots=True)
class Tell:
    """An order for the children of `step`, or for all if None, to be left with them in the
    transaction that saves this decision."""

    step: str | None
    order: ParentCommand


@statically_frozen(frozen=True, slots=True)
class Decision:
    """What became of the fact, the state after it, the events that led there, what the children
    have to do with it, and the steps that the workers must be told of, after the commit."""

    verdict: Verdict
    state: ExecutionState
    events: tuple[Recorded, ...]
    hints: tuple[Hint, ...]
    starts: tuple[Start, ...] = ()
    tells: tuple[Tell, ...] = ()
    reason: str = ""
    """Of a refusal, for whoever asked."""

    def then(self, later: "Decision") -> "Decision":
        """This decision and the next one, which began with its state, as one. A hint that the
        next one has overtaken, as its claim of the step does, is not sent."""
        open_still = [hint for hint in self.hints if still_holds(hint, later.state)]
        return Decision(
            later.verdict,
            later.state,
            self.events + later.events,
            tuple(dict.fromkeys([*open_still, *later.hints])),
            self.starts + later.starts,
            self.tells + later.tells,
            later.reason,
        )


@dataclass(slots=True)
class Draft:
    """A decision in the making: every event is applied as soon as it is decided."""

    definition: Saga
    state: ExecutionState
    now: datetime
    events: list[Recorded] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    tells: list[Tell] = field(default_factory=list)
    reason: str = ""

    def emit(self, event: Event) -> None:
        self.state = evolve(self.state, event)
        self.record(event)

    def record(self, event: Event) -> None:
        self.events.append(Recorded(self.state.last_seq, self.state.status, event))

    def refuse(self, reason: str) -> Verdict:
        self.reason = reason
        return Verdict.REFUSED

    def decision(self, verdict: Verdict, *, repeat_hints: bool = False) -> Decision:
        """The finished decision. Hints go out for steps that became due by it; if
        `repeat_hints`, for all that are due (R2)."""
        return Decision(
            verdict,
            self.state,
            tuple(self.events),
            tuple(hints(self.state, self.now, None if repeat_hints else self._made_due())),
            tuple(self.starts),
            tuple(self.tells),
            self.reason,
        )

    def _made_due(self) -> Iterable[str]:
        """The steps that this decision gave another time to be due at, in order."""
        return {each.event.step: None for each in self.events if isinstance(each.event, SetsDue)}
