"""The words for where an execution and its steps stand, and every legal move between them.

Nothing else in the project says which status may follow which: `evolve` (events.py) obeys these
two tables, the database's CHECK constraints and Django's choices are made from these enums, and
`docs/states.md` is drawn from the tables.

An execution::

    pending ─▶ running ─▶ completed
       │          ├─────▶ failed            (a step after the pivot gave up)
       └──────────┴─────▶ compensating ─▶ compensated
                               └────────▶ failed   (a compensation gave up)

`failed` is left by a person's action, `completed` only by a child whose parent turns back.

A step goes forward with its action and, should the saga turn back, backward with its
compensation. Both directions are one motion, scheduled, claimed, settled, so they share their
events and differ only in the statuses that these lead to. A step that runs nothing itself (a
wait, a sleep, a step made of child executions) is `waiting` instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, make_dataclass
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

__all__ = [
    "AT_REST",
    "DONE_FORWARD",
    "EXECUTION_MOVES",
    "GOING_FORWARD",
    "IN_FLIGHT",
    "SCHEDULED",
    "STEP_MOVES",
    "TERMINAL",
    "TRIED_FORWARD",
    "UNDER_WAY",
    "WAITING",
    "WITHDRAWN_AFTER_TRY",
    "Direction",
    "Effect",
    "EnumLookup",
    "ExecutionStatus",
    "Moves",
    "Outcome",
    "StepStatus",
    "copier",
    "statically_frozen",
]


class Direction(StrEnum):
    """Which of a step's two callables an attempt runs."""

    ACTION = "action"
    COMPENSATION = "compensation"


class ExecutionStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPENSATING = "compensating"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    FAILED = "failed"
    """Stopped and in need of a person. Not terminal: an operator's action leaves it."""


class StepStatus(StrEnum):
    PENDING = "pending"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    COMPENSATION_SCHEDULED = "compensation_scheduled"
    COMPENSATING = "compensating"
    COMPENSATED = "compensated"
    COMPENSATION_FAILED = "compensation_failed"


class Effect(StrEnum):
    """What is known of a step at its participant, weakest first."""

    NONE = "none"
    POSSIBLE = "possible"
    APPLIED = "applied"

    def or_stronger(self, other: "Effect") -> "Effect":
        """The stronger of the two: one possible attempt outweighs any later refusal (S4)."""
        return max(self, other, key=_STRENGTH.__getitem__)


_STRENGTH: Final = {effect: strength for strength, effect in enumerate(Effect)}


class Outcome(StrEnum):
    """What a child execution has come to, as its parent hears it."""

    COMPLETED = "completed"
    FINAL = "final"
    """Completed, and past a pivot: it can't be undone."""
    GAVE_UP = "gave_up"
    """Turned back; everything in flight has settled. It undoes its work when its parent says so."""
    UNDONE = "undone"
    STUCK = "stuck"
    """A compensation gave up: a person is needed."""


TERMINAL: Final = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.COMPENSATED})
"""What absorbs (S3)."""

AT_REST: Final = TERMINAL | {ExecutionStatus.FAILED}
"""What nobody has to be woken for (L1)."""

GOING_FORWARD: Final = frozenset({ExecutionStatus.PENDING, ExecutionStatus.RUNNING})

SCHEDULED: Final = {
    Direction.ACTION: StepStatus.SCHEDULED,
    Direction.COMPENSATION: StepStatus.COMPENSATION_SCHEDULED,
}
IN_FLIGHT: Final = {
    Direction.ACTION: StepStatus.RUNNING,
    Direction.COMPENSATION: StepStatus.COMPENSATING,
}
WAITING: Final = {
    Direction.ACTION: StepStatus.WAITING,
    Direction.COMPENSATION: StepStatus.COMPENSATING,
}
"""For steps that nobody claims: those made of children, and, forward only, signals and times."""
UNDER_WAY: Final = {
    status: direction
    for table in (SCHEDULED, IN_FLIGHT, WAITING)
    for direction, status in table.items()
}
"""Status → the direction that is scheduled, waits or is in flight by it."""

DONE_FORWARD: Final = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED})
TRIED_FORWARD: Final = DONE_FORWARD | {StepStatus.FAILED}
"""From where a step goes backward."""

Moves = dict[str, tuple[frozenset[StepStatus], StepStatus]]

EXECUTION_MOVES: Final[dict[str, tuple[frozenset[ExecutionStatus], ExecutionStatus]]] = {
    "saga.running": (
        frozenset({ExecutionStatus.PENDING, ExecutionStatus.FAILED}),
        ExecutionStatus.RUNNING,
    ),
    "saga.compensating": (
        GOING_FORWARD | {ExecutionStatus.FAILED, ExecutionStatus.COMPLETED},
        ExecutionStatus.COMPENSATING,
    ),
    "saga.completed": (frozenset({ExecutionStatus.RUNNING}), ExecutionStatus.COMPLETED),
    "saga.compensated": (frozenset({ExecutionStatus.COMPENSATING}), ExecutionStatus.COMPENSATED),
    "saga.failed": (
        frozenset({ExecutionStatus.RUNNING, ExecutionStatus.COMPENSATING}),
        ExecutionStatus.FAILED,
    ),
}
"""Event type → the statuses it may find, and the one it leads to."""

STEP_MOVES: Final[dict[Direction, Moves]] = {
    Direction.ACTION: {
        "step.scheduled": (frozenset({StepStatus.PENDING}), StepStatus.SCHEDULED),
        "step.claimed": (frozenset({StepStatus.SCHEDULED}), StepStatus.RUNNING),
        # Of a poll, before anything else of it is recorded; `running` if it is just being asked.
        "step.asked": (
            frozenset({StepStatus.SCHEDULED, StepStatus.RUNNING}),
            StepStatus.SCHEDULED,
        ),
        "step.waiting": (frozenset({StepStatus.PENDING}), StepStatus.WAITING),
        "step.reminded": (frozenset({StepStatus.WAITING}), StepStatus.WAITING),
        "step.children": (
            frozenset({StepStatus.WAITING, StepStatus.FAILED}),
            StepStatus.WAITING,
        ),
        "step.succeeded": (
            frozenset({StepStatus.RUNNING, StepStatus.WAITING}),
            StepStatus.SUCCEEDED,
        ),
        "step.retrying": (frozenset({StepStatus.RUNNING}), StepStatus.SCHEDULED),
        "step.failed": (frozenset({StepStatus.RUNNING, StepStatus.WAITING}), StepStatus.FAILED),
        "step.refused": (
            frozenset({StepStatus.RUNNING, StepStatus.WAITING}),
            StepStatus.SKIPPED,
        ),
        # Untried: as if it had never been reached. Tried before: `failed`, see WITHDRAWN_AFTER_TRY.
        "step.withdrawn": (
            frozenset({StepStatus.PENDING, StepStatus.SCHEDULED, StepStatus.WAITING}),
            StepStatus.PENDING,
        ),
        "step.expedited": (
            frozenset({StepStatus.SCHEDULED, StepStatus.WAITING}),
            StepStatus.SCHEDULED,
        ),
        "step.reopened": (frozenset({StepStatus.FAILED}), StepStatus.PENDING),
        "step.skipped": (
            frozenset(
                {StepStatus.PENDING, StepStatus.SCHEDULED, StepStatus.WAITING, StepStatus.FAILED}
            ),
            StepStatus.SKIPPED,
        ),
        "step.resolved": (frozenset({StepStatus.FAILED}), StepStatus.FAILED),
    },
    Direction.COMPENSATION: {
        "step.scheduled": (TRIED_FORWARD, StepStatus.COMPENSATION_SCHEDULED),
        "step.claimed": (
            frozenset({StepStatus.COMPENSATION_SCHEDULED}),
            StepStatus.COMPENSATING,
        ),
        "step.waiting": (
            TRIED_FORWARD | {StepStatus.COMPENSATION_FAILED},
            StepStatus.COMPENSATING,
        ),
        "step.children": (frozenset({StepStatus.COMPENSATING}), StepStatus.COMPENSATING),
        "step.succeeded": (frozenset({StepStatus.COMPENSATING}), StepStatus.COMPENSATED),
        "step.retrying": (frozenset({StepStatus.COMPENSATING}), StepStatus.COMPENSATION_SCHEDULED),
        "step.failed": (frozenset({StepStatus.COMPENSATING}), StepStatus.COMPENSATION_FAILED),
        "step.expedited": (
            frozenset({StepStatus.COMPENSATION_SCHEDULED}),
            StepStatus.COMPENSATION_SCHEDULED,
        ),
        "step.reopened": (
            frozenset({StepStatus.COMPENSATION_FAILED}),
            StepStatus.COMPENSATION_SCHEDULED,
        ),
        "step.resolved": (frozenset({StepStatus.COMPENSATION_FAILED}), StepStatus.COMPENSATED),
    },
}
"""Direction → event type → the statuses it may find, and the one it leads to."""

WITHDRAWN_AFTER_TRY: Final = StepStatus.FAILED
"""Where a withdrawn step goes that was tried before: its effect may have to be undone."""


# --- How they are kept ----------------------------------------------------------------------------

if TYPE_CHECKING:
    from dataclasses import dataclass as statically_frozen
else:

    def statically_frozen(
        *, frozen: bool, slots: bool, kw_only: bool = False
    ) -> Callable[[type], type]:
        """`dataclasses.dataclass`, but that `frozen` is left to the type checker.

        A decision makes a dozen values, and they were most of what it cost: frozen at run time, it
        takes 22 % more instructions (callgrind, 20 steps in a row). What keeps them as they are is
        mypy, and a test that runs the machine's tests with values that are frozen in truth. They
        have no hash: it would not outlive a change. What is handed to users, or hashed, is a
        frozen dataclass.
        """
        assert frozen, "a value that may be changed is an ordinary dataclass"
        return dataclass(slots=slots, kw_only=kw_only)


Word = TypeVar("Word", bound=StrEnum)


class EnumLookup(dict[str, Word]):
    """Text → word. Calling the enum does the same by three calls of Python, which is felt where
    each row that is read has a dozen of them. Raises ValueError for what is no word."""

    def __init__(self, kind: type[Word]) -> None:
        super().__init__((word.value, word) for word in kind)
        self.kind = kind

    def __missing__(self, text: str) -> Word:
        return self.kind(text)


Value = TypeVar("Value")


def copier(kind: type[Value]) -> Callable[[Value, Mapping[str, Any]], Value]:
    """A function that gives a copy of a `kind`, a dataclass with slots, with other fields.

    It does what `dataclasses.replace` does, which asks the class for its fields each time: here the
    copy is made as a twin that checks nothing, and is checked once it has the other fields. The
    function raises AttributeError for a field that there is not.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    twin = make_dataclass(kind.__name__, names, slots=True)
    values = attrgetter(*names)
    check = getattr(kind, "__post_init__", None)

    def copy(value: Value, changes: Mapping[str, Any]) -> Value:
        new = twin(*values(value))
        for name, changed in changes.items():
            setattr(new, name, changed)
        new.__class__ = kind
        if check is not None:
            check(new)
        return new  # type: ignore[no-any-return]

    return copy
