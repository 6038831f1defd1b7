"""Where an execution stands: the values that `decide` reads and `evolve` makes anew."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Final

from sagas.machine.children import Children
from sagas.machine.failures import Failure
from sagas.machine.states import (
    AT_REST,
    DONE_FORWARD,
    IN_FLIGHT,
    SCHEDULED,
    UNDER_WAY,
    Direction,
    Effect,
    EnumLookup,
    ExecutionStatus,
    StepStatus,
    copier,
    statically_frozen,
)


@statically_frozen(frozen=True, slots=True)
class StepState:
    """One step of one execution. A step that was never scheduled is `StepState()`."""

    status: StepStatus = StepStatus.PENDING
    effect: Effect = Effect.NONE
    fence: int = 0
    """Grows by one with every claim, of either direction; only its holder may report (S1)."""
    attempts: int = 0
    compensation_attempts: int = 0
    uncounted_attempts: int = 0
    """How many attempts of the present direction do not count: a person's retry made it so, they
    were held back before they began, or their process died beside others (S14)."""
    since: datetime | None = None
    """When the first attempt that counts was due: what `max_elapsed` begins with."""
    due_at: datetime | None = None
    """When a scheduled step may be claimed, or a waiting one waits no more."""
    lease_until: datetime | None = None
    """How long a claim is believed."""
    holder: str = ""
    """Who claimed it: an id made for that one claim, so that a claimant who lost the connection at
    COMMIT can tell its own claim from another's (R6)."""
    together: bool = False
    """Whether other sagas' actions run in the same process while this claim is held."""
    alone: bool = False
    """Whether it is claimed only by itself: an attempt of it, of either direction, ended with its
    process (S14)."""
    asks: int = 0
    """Of a poll: how often it was asked since its newest event. Asks alone are no events; so far,
    the row knows more of the step than they do."""
    reported: int = 0
    """The fence of the newest committed report: tells a repeated report from a late one."""
    wrote: tuple[str, ...] = ()
    """The keys of the context that it changed; no concurrent branch may change them (S10)."""
    failure: Failure | None = None
    """Of the newest failed attempt."""
    children: Children | None = None
    reminded: int = 0
    """Of a wait: how many reminders were due so far."""
    remind_at: datetime | None = None
    """When the next one is."""

    def __post_init__(self) -> None:
        may_be_due = self.status in _DUE or self.status is StepStatus.WAITING
        if (self.status in _DUE and self.due_at is None) or (self.due_at and not may_be_due):
            raise ValueError(f"A {self.status} step with due_at {self.due_at}.")
        is_claimed = self.status in _CLAIMED and self.children is None
        if is_claimed != (self.lease_until is not None):
            raise ValueError(f"A {self.status} step with lease_until {self.lease_until}.")

    @property
    def direction(self) -> Direction | None:
        """The direction that is scheduled, waits or is in flight, if one does."""
        return UNDER_WAY.get(self.status)

    @property
    def is_done(self) -> bool:
        """Whether the way forward is past this step."""
        return self.status in DONE_FORWARD

    @property
    def awaits_signal(self) -> bool:
        """Whether all its children are done, and only a signal adds another, or ends it."""
        found = self.children
        return self.status is StepStatus.WAITING and found is not None and found.are_done_so_far

    def attempts_of(self, direction: Direction) -> int:
        """How often `direction` was claimed."""
        return self.attempts if direction is Direction.ACTION else self.compensation_attempts

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the row, without what is as in `StepState()`."""
        data: dict[str, Any] = {"status": self.status}
        if self.effect is not Effect.NONE:
            data["effect"] = self.effect
        for name in _PLAIN:
            if value := getattr(self, name):
                data[name] = value
        for name in _MOMENTS:
            if moment := getattr(self, name):
                data[name] = moment.isoformat()
        if self.wrote:
            data["wrote"] = list(self.wrote)
        if self.failure is not None:
            data["failure"] = self.failure.to_json()
        if self.children is not None:
            data["children"] = self.children.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StepState":
        """The state that `to_json` gave `data` for. What this code does not know is left out."""
        known = {name: _READ[name](value) for name, value in data.items() if name in _READ}
        return step_with(UNTOUCHED, known | {"status": _STATUS[data["status"]]})


_DUE: Final = frozenset(SCHEDULED.values())
_CLAIMED: Final = frozenset(IN_FLIGHT.values())
_PLAIN: Final = (
    *("fence", "attempts", "compensation_attempts", "uncounted_attempts", "holder", "reported"),
    *("together", "alone", "asks", "reminded"),
)
_MOMENTS: Final = ("since", "due_at", "lease_until", "remind_at")
_STATUS: Final = EnumLookup(StepStatus)
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "effect": EnumLookup(Effect).__getitem__,
    "fence": int,
    "attempts": int,
    "compensation_attempts": int,
    "uncounted_attempts": int,
    "since": datetime.fromisoformat,
    "due_at": datetime.fromisoformat,
    "lease_until": datetime.fromisoformat,
    "holder": str,
    "reported": int,
    "together": bool,
    "alone": bool,
    "asks": int,
    "wrote": tuple,
    "failure": Failure.from_json,
    "children": Children.from_json,
    "reminded": int,
    "remind_at": datetime.fromisoformat,
}

UNTOUCHED: Final = StepState()
step_with: Final = copier(StepState)


@statically_frozen(frozen=True, slots=True)
class Options:
    """What few executions have beside their steps; the row keeps it in one column."""

    start_at: datetime | None = None
    """No step starts before."""
    deadline: datetime | None = None
    """From here on it turns back, if it still can."""
    locks: bool = False
    """Whether it took any, whatever its definition says of them by now."""
    blocked: bool = False
    """Whether it waits for locks that others hold."""
    held: bool = False
    """Whether it goes back only when its parent says so."""
    forward_only: bool = False
    """Whether its parent is past the pivot."""
    signals: Mapping[str, Any] = field(default_factory=dict)
    """Payloads that came before their wait."""
    collected: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Wait → the payloads that it has collected, until they are in the context."""
    keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Wait → the keys of its signals, each with a digest of the payload: they count once (R13)."""
    asked: int = 0
    """How many changes were saved without an event: the asks of polls, and their ends."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """Which way was taken at each choice that was made."""

    def to_json(self) -> dict[str, Any]:
        """Without what is as in `Options()`."""
        data: dict[str, Any] = {
            name: True
            for name in ("locks", "blocked", "held", "forward_only")
            if getattr(self, name)
        }
        for name in ("start_at", "deadline"):
            if moment := getattr(self, name):
                data[name] = moment.isoformat()
        if self.asked:
            data["asked"] = self.asked
        for name in ("signals", "collected", "keys", "choices"):
            if found := getattr(self, name):
                data[name] = dict(found)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Options":
        """The options that `to_json` gave `data` for."""
        names = [name for name in ("start_at", "deadline") if name in data]
        moments = {name: datetime.fromisoformat(data[name]) for name in names}
        return cls(**{**data, **moments})


@statically_frozen(frozen=True, slots=True)
class ExecutionState:
    """One run of a definition. `steps` has an entry for each step that was ever scheduled."""

    saga_id: str
    saga_type: str
    version: int
    status: ExecutionStatus = ExecutionStatus.PENDING
    paused: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, StepState] = field(default_factory=dict)
    last_seq: int = 0
    """The number of its newest event."""
    options: Options = field(default_factory=Options)

    def step(self, name: str) -> StepState:
        return self.steps.get(name, UNTOUCHED)

    def in_flight(self, direction: Direction) -> Iterator[str]:
        """The steps that somebody holds a claim on, in that direction."""
        return (
            name
            for name, step in self.steps.items()
            if step.lease_until is not None and step.status is IN_FLIGHT[direction]
        )

    def families(self, direction: Direction) -> Iterator[str]:
        """The steps whose children are at work, in that direction."""
        return (
            name
            for name, step in self.steps.items()
            if step.children is not None and step.direction is direction
        )

    def scheduled(self, direction: Direction) -> Iterator[str]:
        """The steps that wait for a claim, in that direction."""
        return (name for name, step in self.steps.items() if step.status is SCHEDULED[direction])

    def having(self, status: StepStatus) -> list[str]:
        """The steps of that status."""
        return [name for name, step in self.steps.items() if step.status is status]

    @property
    def has_settled(self) -> bool:
        """Whether no action is in flight, neither here nor in a child (S5)."""
        return not any(self.in_flight(Direction.ACTION)) and not any(
            self.families(Direction.ACTION)
        )

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing happens any more unless a person acts."""
        return self.status in AT_REST

    @property
    def current_steps(self) -> list[str]:
        """The steps that are scheduled, waiting or in flight."""
        return [name for name, step in self.steps.items() if step.direction is not None]


execution_with: Final = copier(ExecutionState)
