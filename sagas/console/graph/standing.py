"""How each step stands, as the graph shows it: a tone, a sign, a few words; and its way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sagas.console.words import duration, number, relative
from sagas.machine import (
    Direction,
    Effect,
    ForEach,
    Repeat,
    Saga,
    Sleep,
    StepStatus,
    SubSaga,
    WaitFor,
)
from sagas.machine.family_steps import Step

Signs = Mapping[str, tuple[str, str]]

FORWARD: Final[Signs] = {
    StepStatus.PENDING: ("idle", ""),
    StepStatus.SCHEDULED: ("due", "○"),
    StepStatus.RUNNING: ("now", "▶"),
    StepStatus.WAITING: ("wait", "◔"),
    StepStatus.SUCCEEDED: ("done", "✓"),
    StepStatus.FAILED: ("bad", "✕"),
    StepStatus.SKIPPED: ("skip", "↷"),
}
BACK: Final[Signs] = {
    StepStatus.COMPENSATION_SCHEDULED: ("back due", "○"),
    StepStatus.COMPENSATING: ("back now", "◐"),
    StepStatus.COMPENSATED: ("back", "↺"),
    StepStatus.COMPENSATION_FAILED: ("bad", "✕"),
}

LAST_FORWARD: Final = {
    "step.succeeded": StepStatus.SUCCEEDED,
    "step.failed": StepStatus.FAILED,
    "step.skipped": StepStatus.SKIPPED,
    "step.refused": StepStatus.SKIPPED,
}
"""What the way forward of a step that goes back has come to, by its last event."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One child, in the grid of its step."""

    saga_id: str
    tone: str
    sign: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class WayBackOfStep:
    name: str
    tone: str
    sign: str
    note: str
    order: int | None = None
    """Which in the order of what a cancel would undo, from 1; then it is drawn in outline."""


@dataclass(frozen=True, slots=True)
class StepView:
    name: str
    kind: str
    tone: str
    sign: str
    note: str
    back: WayBackOfStep | None = None
    cells: tuple[Cell, ...] = ()
    more_cells: int = 0
    url: str = ""
    """Of its only child, or of the list of its children."""
    is_turn: bool = False
    """Whether the saga turned back here."""

    @property
    def is_family(self) -> bool:
        return self.kind in ("SubSaga", "ForEach", "Repeat")

    @property
    def was_reached(self) -> bool:
        return not self.tone.endswith("idle")

    @property
    def said(self) -> str:
        """For who does not see the picture."""
        parts = [self.name, self.note]
        if self.back is not None:
            order = _("undone as number %d") % self.back.order if self.back.order else ""
            parts += [f"{self.back.name}: {self.back.note or order}"]
        return "; ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Told:
    """What the history tells of the steps, beside the row."""

    forward: Mapping[str, str]
    """Step → the type of the last event that settled its way forward."""
    seconds: Mapping[tuple[str, str], float]
    """Step and direction → how long the last attempt, or wait, took."""


def forward_status(described: Mapping[str, Any], told: Told) -> StepStatus:
    """Where the way forward of a step stands, whatever became of it on the way back."""
    status = StepStatus(described["status"])
    if status in FORWARD:
        return status
    last = LAST_FORWARD.get(told.forward.get(described["name"], ""))
    if last is not None:
        return last
    is_done = described["effect"] == Effect.APPLIED
    return StepStatus.SUCCEEDED if is_done else StepStatus.FAILED


def note_forward(
    described: Mapping[str, Any], step: Step | None, status: StepStatus, told: Told, now: datetime
) -> str:
    """A few words below the name."""
    seconds = told.seconds.get((described["name"], Direction.ACTION))
    took = [] if seconds is None else [duration(seconds)]
    match status:
        case StepStatus.PENDING:
            return _("left out") if described["left_out"] else _kind(step)
        case StepStatus.SCHEDULED:
            return _due(described, described["attempts"], now)
        case StepStatus.RUNNING:
            again = described["attempts"] > 1
            return _("attempt %d runs") % described["attempts"] if again else _("runs")
        case StepStatus.WAITING:
            return _waiting(described, step, now)
        case StepStatus.SUCCEEDED:
            return " · ".join([*took, *_attempts(described)])
        case StepStatus.FAILED:
            return _("failed, may have happened") if _may_have(described) else _("failed")
        case StepStatus.SKIPPED:
            accepted = told.forward.get(described["name"]) == "step.refused"
            return _("refused, accepted") if accepted else _("skipped")
        case _:
            return ""  # it goes back: that is told below it


def note_back(described: Mapping[str, Any], told: Told, now: datetime) -> str:
    match StepStatus(described["status"]):
        case StepStatus.COMPENSATION_SCHEDULED:
            return _due(described, described["compensation_attempts"], now)
        case StepStatus.COMPENSATING:
            again = described["compensation_attempts"] > 1
            return _("attempt %d runs") % described["compensation_attempts"] if again else _("runs")
        case StepStatus.COMPENSATED:
            seconds = told.seconds.get((described["name"], Direction.COMPENSATION))
            return "" if seconds is None else duration(seconds)
        case _:
            return _("gave up")


def name_back(definition: Saga | None, name: str) -> str:
    """What undoes a step, as its author calls it."""
    step = definition.by_name.get(name) if definition is not None else None
    if isinstance(step, SubSaga | Repeat) or (isinstance(step, ForEach) and step.saga):
        return _("its own way back")
    compensation = getattr(step, "compensation", None)
    return getattr(compensation, "__name__", "") or _("undo %s") % name


def _kind(step: Step | None) -> str:
    match step:
        case WaitFor():
            return _("waits for a signal")
        case Sleep():
            return _("waits for a time")
        case ForEach(over=over):
            return _("for each of %s") % over
        case Repeat(said=said):
            return _("until %s") % said
        case SubSaga(saga_type=saga_type):
            return _("saga %s") % saga_type
        case _:
            return _("not reached")


def _due(described: Mapping[str, Any], attempts: int, now: datetime) -> str:
    due_at = described["due_at"]
    if due_at is not None and due_at > now:
        again = _("attempt %(number)d %(when)s")
        when = relative(due_at, now)
        return again % {"number": attempts + 1, "when": when} if attempts else when
    return _("attempt %d is due") % (attempts + 1) if attempts else _("due")


def _waiting(described: Mapping[str, Any], step: Step | None, now: datetime) -> str:
    if described["children"] is not None:
        return children_said(described["children"], step)
    until = described["until"]
    if until is None:
        return _("waits for a signal")
    what = _("gives up %s") if isinstance(step, WaitFor) else _("wakes %s")
    return what % relative(until, now)


def children_said(children: Mapping[str, Any], step: Step | None) -> str:
    """How far the children are."""
    done = children["outcomes"].get("completed", 0) + children["outcomes"].get("final", 0)
    if isinstance(step, Repeat):
        rounds = ngettext("round %s of %s at most", "round %s of %s at most", step.most)
        return rounds % (number(children["started"]), number(step.most))
    if isinstance(step, SubSaga):
        return _("its saga is under way")
    return _("%(done)s of %(total)s done") % {
        "done": number(done),
        "total": number(children["total"]),
    }


def _attempts(described: Mapping[str, Any]) -> list[str]:
    attempts = described["attempts"]
    said = ngettext("%d attempt", "%d attempts", attempts) % attempts
    return [said] if attempts > 1 else []


def _may_have(described: Mapping[str, Any]) -> bool:
    return bool(described["effect"] != Effect.NONE)
